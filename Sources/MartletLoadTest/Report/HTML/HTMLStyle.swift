/// The style sheet of the page: light, dark, and print.
enum HTMLStyle {
  static let sheet = """
    :root{color-scheme:light dark;--back:#fff;--text:#1c2330;--soft:#5c6675;--line:#dfe3e8;--faint:#eef0f3;
    --good:#14804a;--bad:#c02b34;--warn:#8a5a00;--warnback:#fff4d6;--band:#6b7a90;
    --c1:#2368c4;--c2:#12805c;--c3:#8a4fbf;--c4:#c02b34;--c5:#c26a00;--c6:#7d8794}
    @media (prefers-color-scheme:dark){:root{--back:#12161c;--text:#e3e7ec;--soft:#98a3b1;--line:#2c343f;--faint:#1d242d;
    --good:#4cc38a;--bad:#f2727a;--warn:#f0c05a;--warnback:#33290f;--band:#a0b0c8;
    --c1:#6ba5f2;--c2:#4cc39b;--c3:#bd8df0;--c4:#f2727a;--c5:#f0a04b;--c6:#98a3b1}}
    *{box-sizing:border-box}
    body{margin:0;background:var(--back);color:var(--text);font:15px/1.5 system-ui,"Segoe UI","DejaVu Sans",sans-serif}
    main{max-width:1080px;margin:0 auto;padding:28px 24px 48px}
    h1{font-size:22px;margin:0 0 2px}h2{font-size:17px;margin:34px 0 10px}h3{font-size:15px;margin:0}
    p{margin:0 0 8px}.soft,.unit,.note{color:var(--soft);font-weight:normal}.unit{font-size:13px}
    .verdict{margin:18px 0;padding:12px 16px;border-left:5px solid var(--good);background:var(--faint);font-size:17px;font-weight:600}
    .verdict.bad{border-color:var(--bad)}
    .bound{margin:18px 0;padding:12px 16px;border:2px solid var(--warn);background:var(--warnback);color:var(--warn)}
    .bound strong{display:block}.bound ul{margin:4px 0 0;padding-left:20px}
    .tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(125px,1fr));gap:10px;margin:18px 0}
    .tile{border:1px solid var(--line);border-radius:6px;padding:10px 12px}
    .tile b{display:block;font-size:20px;font-weight:600;font-variant-numeric:tabular-nums;white-space:nowrap}
    .tile span{color:var(--soft);font-size:13px}
    .scroll{overflow-x:auto}
    table.narrow{max-width:640px}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
    th,td{text-align:left;padding:5px 12px 5px 0;border-bottom:1px solid var(--line);vertical-align:top}
    th{font-weight:600;color:var(--soft);font-size:13px}tbody th{white-space:nowrap;width:130px}
    .n{text-align:right;padding-right:16px}.pass{color:var(--good);font-weight:600}.fail{color:var(--bad);font-weight:600}
    figure{margin:0 0 26px}figcaption{display:flex;flex-wrap:wrap;gap:2px 24px;align-items:baseline;margin-bottom:4px}
    .legend{font-size:13px;display:flex;flex-wrap:wrap;gap:2px 18px}.key i{display:inline-block;width:16px;height:0;
    border-top-width:3px;border-top-style:solid;margin-right:6px;vertical-align:middle}
    svg{display:block;width:100%;height:auto;font:11px system-ui,"Segoe UI","DejaVu Sans",sans-serif}
    svg text{fill:var(--soft)}svg .axis{font-size:11px}svg .grid{stroke:var(--line)}svg .minor{stroke:var(--faint)}
    svg .band0{fill:var(--band);opacity:.05}svg .band1{fill:var(--band);opacity:.14}
    svg .line{fill:none;stroke-width:1.4;stroke-linejoin:round;vector-effect:non-scaling-stroke}
    svg .hit{fill:transparent}svg .hit:hover{fill:var(--band);opacity:.25}
    .fault line{stroke:var(--bad);stroke-dasharray:4 3}.fault circle{fill:var(--bad)}svg .fault text{fill:var(--back);font-weight:600}
    .c1{stroke:var(--c1);border-color:var(--c1)}.c2{stroke:var(--c2);border-color:var(--c2)}
    .c3{stroke:var(--c3);border-color:var(--c3)}.c4{stroke:var(--c4);border-color:var(--c4)}
    .c5{stroke:var(--c5);border-color:var(--c5)}.c6{stroke:var(--c6);border-color:var(--c6)}
    pre{background:var(--faint);padding:12px 14px;overflow-x:auto;white-space:pre-wrap;word-break:break-word;font-size:13px;margin:0}
    @media (max-width:700px){figure{overflow-x:auto}svg{min-width:640px}}
    @media print{main{max-width:none;padding:0}figure,.tiles,tr{break-inside:avoid}h2{break-after:avoid}body{font-size:12px}}
    """
}
