"""The page's look: one column on a phone, two beside each other on a desk, light and dark."""

CSS = """
:root{--paper:#f6f5f2;--card:#fff;--ink:#1c1d1f;--muted:#66686d;--line:#e3e1db;--accent:#2257c5;
--good:#1d7a46;--bad:#b23327;--warn:#8a6100;--c1:#a15c00;--c2:#8a3fa0;--c3:#5f6b75;--tint:rgba(34,87,197,.12);
--badtint:rgba(178,51,39,.18)}@media (prefers-color-scheme:dark){:root{--paper:#131417;--card:#1b1d21;
--ink:#ecebe7;--muted:#a0a3a9;--line:#303338;--accent:#7ea6ff;--good:#5cc98a;--bad:#ff8a7c;--warn:#e0b04a;
--c1:#e2a24e;--c2:#cf93e0;--c3:#9aa7b2;--tint:rgba(126,166,255,.16);--badtint:rgba(255,138,124,.22)}}*{
box-sizing:border-box}html{-webkit-text-size-adjust:100%;color-scheme:light dark}body{margin:0;
background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif;
font-variant-numeric:tabular-nums;overflow-wrap:anywhere}main{max-width:1120px;margin:0 auto;
padding:20px 16px 56px}header p{margin:.2rem 0;color:var(--muted)}h1{font-size:1.05rem;margin:0;
font-weight:650;letter-spacing:.01em}h2{font-size:1.02rem;margin:0 0 .15rem;font-weight:650}.card>p{
margin:.1rem 0 .7rem;color:var(--muted);font-size:.88rem}.verdict{margin:14px 0 16px;padding:20px 20px 12px;
background:var(--card);border:1px solid var(--line);border-left:6px solid var(--tone);border-radius:10px}
.verdict.yes{--tone:var(--good)}.verdict.no{--tone:var(--bad)}.verdict.nothing{--tone:var(--warn)}
.verdict .ask{color:var(--muted);font-size:.92rem;margin:0}.verdict .answer{
font-size:clamp(1.9rem,7vw,2.9rem);line-height:1.1;font-weight:720;margin:.15rem 0 .35rem;color:var(--tone);
letter-spacing:-.015em}.verdict .why{font-size:1.05rem;margin:0 0 .9rem;max-width:62ch}ul.questions{
list-style:none;margin:0;padding:0;display:grid;grid-template-columns:1fr;border-top:1px solid var(--line)}
ul.questions li{display:grid;align-content:start;grid-template-columns:1.5rem 1fr;gap:.1rem .35rem;
padding:.55rem 0;border-bottom:1px solid var(--line)}ul.questions li:last-child{border-bottom:0}
ul.questions b{font-weight:600}ul.questions span{grid-column:2;color:var(--muted);font-size:.9rem}
ul.questions i{font-style:normal;font-weight:700}.ok{color:var(--good)}.no>i,.fail{color:var(--bad)}.open{
color:var(--warn)}.tiles{display:grid;grid-template-columns:repeat(2,1fr);gap:10px;margin:0 0 16px}.tile{
background:var(--card);border:1px solid var(--line);border-radius:10px;padding:10px 12px}.tile span{
display:block;color:var(--muted);font-size:.8rem}.tile b{font-size:1.35rem;font-weight:650;
letter-spacing:-.01em}.tile small{display:block;color:var(--muted);font-size:.76rem}.cards{display:grid;
grid-template-columns:minmax(0,1fr);gap:14px}.pile{margin-top:14px}.pile .card{margin-bottom:14px}.card{
background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 14px 12px;min-width:0}
.plot{display:block;width:100%;height:auto}.plot.wide{display:none}.plot text{font-size:12.5px;
fill:var(--muted);font-family:inherit}.plot text.name{fill:var(--ink);font-weight:600}.grid{
stroke:var(--line);stroke-width:1}.grid.zero{stroke:var(--muted);stroke-width:1}.line{fill:none;
stroke-width:1.8;stroke-linejoin:round}.line.own{stroke:var(--accent);stroke-width:2.4}.line.c1{
stroke:var(--c1);stroke-dasharray:5 3}.line.c2{stroke:var(--c2);stroke-dasharray:2 3}.line.c3{
stroke:var(--c3);stroke-dasharray:8 3 2 3}.area.own{fill:var(--tint)}.area.under{fill:var(--badtint)}
.line.under{stroke:var(--bad);stroke-width:1.4}.bar{fill:var(--accent)}.bar.good{fill:var(--good)}.bar.bad{
fill:var(--bad)}.bar.soft{fill:var(--c3)}.mark{stroke:var(--ink);stroke-width:1.2}.mark.zero{
stroke:var(--muted);stroke-dasharray:3 3}.key{display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:.45rem 0 0;
font-size:.84rem;color:var(--muted)}.key svg{width:26px;height:10px;margin-right:.35rem;vertical-align:middle}
table{border-collapse:collapse;width:100%;font-size:.9rem}th{font-weight:600;text-align:left;
color:var(--muted);font-size:.8rem;padding:.3rem .5rem .3rem 0;border-bottom:1px solid var(--line)}td{
padding:.38rem .5rem .38rem 0;border-bottom:1px solid var(--line);vertical-align:top}tr:last-child td{
border-bottom:0}td.n,th.n{text-align:right;white-space:nowrap;padding-right:0;padding-left:.5rem}
td:not(.n){overflow-wrap:break-word;min-width:5.5rem}.scroll{
overflow-x:auto}code,.mono{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.86em}
.pos{color:var(--good)}.neg{color:var(--bad)}.meter{display:block;height:7px;border-radius:4px;
background:var(--line);overflow:hidden;margin-top:.3rem}.meter i{display:block;height:100%;
background:var(--accent)}.months{display:grid;grid-template-columns:repeat(4,1fr);gap:5px}.months div{
border-radius:7px;padding:.35rem .4rem;font-size:.8rem;background:var(--paper);border:1px solid var(--line)}
.months b{display:block;font-weight:650;font-size:.92rem}ul.plain{margin:.2rem 0 0;padding-left:1.1rem;
font-size:.92rem}ul.plain li{margin:.25rem 0}details summary{cursor:pointer;font-weight:650}
details[open] summary{margin-bottom:.5rem}footer{color:var(--muted);font-size:.84rem;margin-top:18px}
@media (min-width:720px){main{padding:30px 26px 70px}.tiles{grid-template-columns:repeat(4,1fr)}.cards{
gap:16px}.pile{column-count:2;column-gap:16px;margin-top:16px}.pile .card{break-inside:avoid;
margin-bottom:16px}.plot text{font-size:11px}.plot.wide{display:block}.plot.narrow{display:none}.months{
grid-template-columns:repeat(6,1fr)}ul.questions{grid-template-columns:1fr 1fr;column-gap:34px}
ul.questions li:nth-last-child(2):nth-child(odd){border-bottom:0}}@media (max-width:719px){
.compare tr{display:flex;
flex-wrap:wrap;border-bottom:1px solid var(--line)}.compare td,.compare th{flex:1 1 0;border:0}
.compare td:first-child,.compare th:first-child{flex:0 0 100%;color:var(--muted);padding-bottom:0}}
@media print{body{background:#fff}
.card,.verdict,.tile{break-inside:avoid}}
"""
