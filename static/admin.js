// The backoffice works without this file.

// "Select all" is shown only where it can work; the bar says how many rows are chosen.
for (const form of document.querySelectorAll(".rows-form")) {
  const ticks = [...form.querySelectorAll("[name=rowid]")];
  const alls = [...form.querySelectorAll(".tick-all")]; // one above the cards of a phone, one in the head of the table
  const count = form.querySelector(".bulk output");
  if (!alls.length || !count) continue;
  for (const all of alls) all.hidden = (all.closest("label") ?? all).hidden = false;
  form.addEventListener("change", (event) => {
    if (alls.includes(event.target)) for (const tick of ticks) tick.checked = event.target.checked;
    const chosen = ticks.filter((tick) => tick.checked).length;
    for (const all of alls) {
      all.checked = chosen === ticks.length;
      all.indeterminate = chosen > 0 && chosen < ticks.length;
    }
    count.value = chosen;
  });
}

// "/" goes to the search box, as in every tool where people search all day.
document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  const box = document.querySelector("[type=search][name]");
  if (event.key === "/" && !typing && box) { event.preventDefault(); box.focus(); }
});

// A row of another table is named by its words: the list offers those that begin with what is typed.
for (const box of document.querySelectorAll("[data-lookup]")) {
  const list = document.getElementById(box.getAttribute("list"));
  let asked = 0;
  box.addEventListener("input", async () => {
    if ([...list.options].some((option) => option.value === box.value)) return;
    const mine = ++asked;
    const address = new URL(box.dataset.lookup, location.href);
    address.searchParams.set("query", box.value);
    const answer = await fetch(address);
    if (mine === asked && answer.ok) list.replaceChildren(...(await answer.json()).map((words) => new Option(words, words)));
  });
}

// Leaving a form with unsaved changes asks first.
for (const form of document.querySelectorAll("form[data-unsaved]")) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  window.addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

// A part of a page that says how far something is: asked for again until it has nothing more to say.
(function follow() {
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  setTimeout(async () => {
    const answer = await fetch(location.href).catch(() => null);
    const page = answer?.ok && new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page && page.querySelector(`main .${part.classList[0]}`);
    if (fresh) part.replaceWith(fresh);
    follow();
  }, part.dataset.refresh * 1000);
})();

// Says that this row's page is in sight, and hears who else has it open; without it the notice is as old as the page.
const company = document.querySelector("[data-here]");
if (company) {
  const body = (extra) => { const sent = new FormData(); sent.set("csrf_token", company.dataset.token); if (extra) sent.set(extra, "1"); return sent; };
  const say = async () => {
    if (document.hidden) return;
    const answer = await fetch(company.dataset.here, { method: "POST", body: body() }).catch(() => null);
    if (!answer?.ok || answer.redirected) return;
    const { says } = await answer.json();
    if (company.textContent !== says) company.textContent = says;
  };
  say();
  setInterval(say, 30000);
  document.addEventListener("visibilitychange", say);
  window.addEventListener("pagehide", () => navigator.sendBeacon(company.dataset.here, body("gone")));
}
