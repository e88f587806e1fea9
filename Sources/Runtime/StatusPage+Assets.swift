// SPDX-License-Identifier: Apache-2.0

/// What the page carries besides words. Both are named by their hashes in the page's policy.
extension StatusPage {
    static let style = """
        :root{color-scheme:light dark;--ink:#1d2330;--soft:#566074;--line:#d5dae3;--back:#fff;--in:#0b62a8;--out:#b34a00}
        @media(prefers-color-scheme:dark){:root{--ink:#e8ebf1;--soft:#a4adbd;--line:#39404d;--back:#14171d;--in:#6cb6f5;\
        --out:#f5a15c}}
        body{margin:0 auto;max-width:60rem;padding:1rem;background:var(--back);color:var(--ink);\
        font:1rem/1.45 system-ui,sans-serif}
        h1{font-size:1.5rem;margin:0 0 .5rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:1.6rem 0 .3rem}
        figure{margin:0}svg{width:100%;height:10rem;display:block}svg *{vector-effect:non-scaling-stroke}
        .axis{stroke:var(--line);fill:none}polyline{fill:none;stroke-width:2;stroke-linejoin:round}
        polyline.received{stroke:var(--in)}polyline.sent{stroke:var(--out);stroke-dasharray:6 3}
        .scale{display:flex;justify-content:space-between;margin:0}
        .scale,figcaption,caption{color:var(--soft);font-size:.9rem;text-align:left}caption{padding-bottom:.3rem}
        .key{border-bottom:2px solid;margin-right:.6rem}.key.received{border-color:var(--in)}
        .key.sent{border-color:var(--out);border-bottom-style:dashed}
        .wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:.95rem}
        th,td{padding:.25rem .7rem .25rem 0;border-bottom:1px solid var(--line);text-align:left;font-weight:400;\
        white-space:nowrap}
        thead th{color:var(--soft);font-size:.85rem}tbody th{font-weight:600}
        .number{text-align:right;font-variant-numeric:tabular-nums}
        .stale{display:none;border:1px solid var(--out);padding:.4rem .7rem}body.old .stale{display:block}
        """

    /// Fetches the page again and puts its main part in the place of the one that is shown.
    static let script = """
        async function renew(){if(!document.hidden){try{const answer=await fetch(location.href,{cache:"no-store"});\
        if(!answer.ok)throw new Error(answer.status);const next=new DOMParser().parseFromString(await answer.text(),\
        "text/html");const main=next.querySelector("main");const left=document.querySelector(".wide:focus")?.\
        getAttribute("aria-labelledby");document.querySelector("main").replaceWith(main);document.title=next.title;\
        if(left)document.querySelector('[aria-labelledby="'+left+'"]')?.focus();document.body.classList.remove("old");\
        }catch{document.body.classList.add("old")}}setTimeout(renew,15000)}setTimeout(renew,15000)
        """
}
