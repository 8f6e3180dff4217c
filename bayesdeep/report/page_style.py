"""How a report looks: its style sheet, and the names under which the colours of figures follow light and dark."""

from bayesdeep.plot.figure_style import BLUE, FAINT, GREEN, GRID, INK, MUTED, ORANGE

COLOURS = {
    INK: "--ink",
    MUTED: "--muted",
    FAINT: "--faint",
    GRID: "--rule",
    BLUE: "--blue",
    ORANGE: "--orange",
    GREEN: "--green",
}
"""Colours of figures, by the variable that stands for them in a page."""

LIGHT = f"""
--paper:#fdfdfb;--panel:#f4f4f0;--ink:{INK};--muted:{MUTED};--faint:{FAINT};--rule:{GRID};
--blue:{BLUE};--orange:{ORANGE};--green:{GREEN};--text:#1d2025;--soft:#565c66;--link:#00578a;
--good:#1a7f5a;--caution:#a86400;--bad:#b3261e;
"""

DARK = """
--paper:#16181b;--panel:#1f2226;--ink:#e3e5e8;--muted:#a3a9b3;--faint:#6b727d;--rule:#363b42;
--blue:#62b5ea;--orange:#f2904d;--green:#45c29b;--text:#e6e7e9;--soft:#a9afb8;--link:#7cc4f2;
--good:#55c798;--caution:#e5a847;--bad:#f28b82;
"""

CSS = (
    ":root{color-scheme:light dark;"
    + LIGHT.replace("\n", "")
    + "}@media (prefers-color-scheme:dark){:root{"
    + DARK.replace("\n", "")
    + "}}@media print{:root{"
    + LIGHT.replace("\n", "")
    + "--paper:#fff}}"
    + """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%;scroll-behavior:smooth}
body{margin:0 auto;max-width:46rem;padding:2.5rem 1.5rem 4rem;background:var(--paper);color:var(--text);
font:1.0625rem/1.55 Charter,"Bitstream Charter","Sitka Text",Cambria,Georgia,"Liberation Serif",serif;
overflow-wrap:break-word;font-variant-numeric:lining-nums}
h1,h2,h3,h4{line-height:1.2;font-weight:600;text-wrap:balance}
h1{font-size:2rem;margin:0 0 .3rem;letter-spacing:-.01em}
h2{font-size:1.4rem;margin:3.2rem 0 .8rem;padding-top:.9rem;border-top:1px solid var(--rule)}
h3{font-size:1.08rem;margin:2rem 0 .5rem}
h4{font-size:1rem;margin:1.6rem 0 .4rem;font-style:italic}
p{margin:.7rem 0}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:2px solid var(--link);outline-offset:2px}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem .8rem;z-index:1}
.subtitle{color:var(--soft);margin:0}
.lead{font-size:1.2rem;line-height:1.5}
nav{margin:1.6rem 0 0;font-size:.95rem}
nav ol{list-style:none;margin:0;padding:0;display:flex;flex-wrap:wrap;gap:.1rem 1.2rem}
nav li{margin:0;padding:.1rem 0}
section{scroll-margin-top:1rem}
ul{padding-left:1.2rem;margin:.7rem 0}li{margin:.25rem 0}
code,pre{font-family:ui-monospace,"SF Mono",Menlo,Consolas,"DejaVu Sans Mono","Liberation Mono",monospace;
font-size:.86em}
code{background:var(--panel);padding:.08em .3em;border-radius:3px}
pre{background:var(--panel);padding:.9rem 1rem;overflow-x:auto;line-height:1.5;border-radius:4px;font-size:.85rem}
pre code{background:none;padding:0;font-size:inherit}
.callout{border-left:3px solid var(--soft);background:var(--panel);padding:.7rem 1rem;border-radius:0 4px 4px 0}
.callout.good{border-color:var(--good)}.callout.good strong{color:var(--good)}
.callout.caution{border-color:var(--caution)}.callout.caution strong{color:var(--caution)}
.callout.bad{border-color:var(--bad)}.callout.bad strong{color:var(--bad)}
.scroll{overflow-x:auto;margin:1.4rem 0;max-width:100%;container-type:inline-size;
background:linear-gradient(90deg,var(--paper) 30%,transparent) 0 0/2.5rem 100% no-repeat local,
linear-gradient(270deg,var(--paper) 30%,transparent) 100% 0/2.5rem 100% no-repeat local,
linear-gradient(90deg,var(--rule),transparent) 0 0/.8rem 100% no-repeat scroll,
linear-gradient(270deg,var(--rule),transparent) 100% 0/.8rem 100% no-repeat scroll}
table{border-collapse:collapse;
font:.875rem/1.4 system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif;
font-variant-numeric:tabular-nums lining-nums;min-width:min(100%,22rem)}
caption{text-align:left;caption-side:top;color:var(--soft);padding:0 0 .5rem;
font:.95rem/1.4 Charter,"Bitstream Charter",Cambria,Georgia,"Liberation Serif",serif}
th,td{padding:.32rem .9rem .32rem 0;text-align:left;vertical-align:baseline}
th:last-child,td:last-child{padding-right:0}
thead th{font-weight:600;border-bottom:1px solid var(--ink);white-space:nowrap;vertical-align:bottom}
tbody tr{border-bottom:1px solid var(--rule)}
tbody th{font-weight:500;min-width:6.5rem}
td{min-width:3rem}
caption span{display:block;position:sticky;left:0;max-width:100cqw}
caption code{font-size:.9em}
td.prose{min-width:15rem}
.number{text-align:right;white-space:nowrap}
s{color:var(--soft);text-decoration-color:var(--bad);text-decoration-thickness:1.5px}
figure{margin:1.6rem 0}
figure svg,figure img{display:block;width:100%;height:auto}
figure svg text{font-family:system-ui,-apple-system,"Segoe UI",Roboto,"Liberation Sans",Arial,sans-serif!important}
.plate{background:#fff;border-radius:4px}
figcaption{color:var(--soft);font-size:.95rem;line-height:1.45;margin-top:.5rem;max-width:38rem}
footer{margin-top:4rem;border-top:1px solid var(--rule);color:var(--soft);font-size:.9rem}
@media (max-width:34rem){pre{white-space:pre-wrap}body{padding:1.5rem .75rem 3rem;font-size:1rem}
h1{font-size:1.6rem}h2{font-size:1.25rem;
margin-top:2.4rem}
.lead{font-size:1.1rem}nav ol{gap:0 1rem}nav li{padding:.25rem 0}}
@media print{body{max-width:none;padding:0;font-size:10.5pt}nav,.skip{display:none}
.scroll{overflow:visible;background:none}
h2,h3,h4,caption,thead{break-after:avoid}tbody tr:first-child{break-before:avoid}
figure svg{max-height:23cm}figure,tr,.callout{break-inside:avoid}
a{color:inherit;text-decoration:none}pre{white-space:pre-wrap}}
"""
)
"""The style sheet of a page."""
