"""The look of a report: plain, light or dark as the reader's system is, and good on paper."""

CSS = """
:root{--ink:#1b2430;--soft:#5b6675;--line:#d9dee6;--back:#ffffff;--card:#f5f7fa;--alert:#8a2b06;
--s0:#2f6fb3;--s1:#e08a1e;--s2:#2c9a74;--s3:#b14a8a;--s4:#7a63c7;--s5:#5f9fd6;--s6:#9aa3ae}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b6;--line:#323b48;
--back:#12171e;--card:#1a212b;--alert:#ffb38f;
--s0:#5c9be0;--s1:#f0a747;--s2:#4fbf97;--s3:#d877b2;--s4:#a08be6;--s5:#8cc3ef;--s6:#77828f}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:15px/1.5 system-ui,-apple-system,
"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
main{max-width:1080px;margin:0 auto;padding:32px 24px 64px}
header{border-bottom:2px solid var(--ink);padding-bottom:12px;margin-bottom:20px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px}
h2{font-size:21px;margin:40px 0 8px;padding-top:12px;border-top:1px solid var(--line)}
h3{font-size:16px;margin:28px 0 6px}
.period{margin:0;font-weight:600}.made{margin:0;color:var(--soft);font-size:13px}
.question{font-size:17px;margin:0 0 16px;color:var(--soft)}
.note,.none{color:var(--soft);font-size:13px;margin:0 0 8px;max-width:80ch}
.notice{border-left:4px solid var(--alert);padding:6px 12px;background:var(--card);
color:var(--alert);font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fill,minmax(145px,1fr));gap:10px;margin:0}
.tiles div{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px;
display:flex;flex-direction:column-reverse;justify-content:flex-end}
.tiles dt{color:var(--soft);font-size:12.5px;line-height:1.3}
.tiles dd{margin:0;font-size:24px;font-weight:650;font-variant-numeric:tabular-nums;
overflow-wrap:anywhere}
figure{margin:22px 0 0;padding:14px 16px 10px;border:1px solid var(--line);border-radius:8px}
figcaption{font-weight:600;margin-bottom:4px}
svg{display:block;width:100%;height:auto}
svg text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Arial,sans-serif;fill:var(--ink)}
svg .tick{fill:var(--soft);font-size:11px}svg .value{fill:var(--soft)}
svg .grid{stroke:var(--line);stroke-width:1}
.f0{fill:var(--s0);background:var(--s0)}.f1{fill:var(--s1);background:var(--s1)}
.f2{fill:var(--s2);background:var(--s2)}.f3{fill:var(--s3);background:var(--s3)}
.f4{fill:var(--s4);background:var(--s4)}.f5{fill:var(--s5);background:var(--s5)}
.f6{fill:var(--s6);background:var(--s6)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:4px 18px;margin:0 0 10px;padding:0;
font-size:13px;color:var(--soft)}
.key{display:inline-block;width:11px;height:11px;border-radius:2px;margin-right:6px}
.wide{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:13.5px}
th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);
vertical-align:top}
td{white-space:nowrap}
thead th{color:var(--soft);font-weight:600;border-bottom:1.5px solid var(--soft);
vertical-align:bottom}
td.long{white-space:normal;overflow-wrap:anywhere;min-width:180px}
.t{white-space:nowrap;font-variant-numeric:tabular-nums}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
th.n{white-space:normal}
aside{background:var(--card);border-radius:8px;padding:2px 16px 8px;margin-top:28px}
aside h3{margin-top:12px}.notes{margin:0;padding-left:18px;font-size:13.5px;max-width:85ch}
code,pre{font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre{background:var(--card);border:1px solid var(--line);border-radius:8px;padding:10px 14px;
white-space:pre-wrap;overflow-wrap:anywhere}
.proof td{white-space:normal;overflow-wrap:anywhere}
.proof th{width:180px;color:var(--soft);font-weight:600}
@media print{:root{--ink:#000;--soft:#444;--line:#bbb;--back:#fff;--card:#f6f6f6;--alert:#8a2b06;
--s0:#2f6fb3;--s1:#e08a1e;--s2:#2c9a74;--s3:#b14a8a;--s4:#7a63c7;--s5:#5f9fd6;--s6:#9aa3ae}
main{max-width:none;padding:0}figure,.tiles div,tr,aside,pre{break-inside:avoid}
h2,h3{break-after:avoid}thead{display:table-header-group}.wide{overflow:visible}
body{font-size:11pt}*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""
