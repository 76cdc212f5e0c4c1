// Everything works without this file. It moves the focus to the error summary or question and keeps a form from being sent twice.
document.querySelector(".error-summary, .doubt")?.focus();

document.addEventListener("submit", (event) => {
  const button = event.submitter;
  if ("again" in event.target.dataset) return; // a file is fetched and the page stays
  if (event.target.dataset.sent) return event.preventDefault();
  event.target.dataset.sent = "yes";
  button?.setAttribute("aria-disabled", "true");
});

// Back to a page kept by the browser: its forms may be sent again.
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[aria-disabled=true]")) button.removeAttribute("aria-disabled");
});

// An open menu closes on Escape and on a click elsewhere.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector("details.menu[open]");
  if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
});
