# One image for the twin and the workers; which of them runs is the command.
FROM python:3.12.8-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
RUN python -m venv /venv
COPY requirements.lock ./
RUN /venv/bin/pip install --require-hashes --no-deps -r requirements.lock

FROM python:3.12.8-slim-bookworm
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=/app
RUN useradd --system --user-group --create-home --home-dir /home/remora --shell /usr/sbin/nologin remora
COPY --from=build /venv /venv
WORKDIR /app
COPY remora ./remora
COPY workflows ./workflows
COPY activities ./activities
COPY workers ./workers
COPY starters ./starters
COPY schemas ./schemas
RUN install -d -o remora -g remora /var/lib/remora/research /var/lib/remora/twin
USER remora
CMD ["python", "-m", "remora.cli.main", "--help"]
