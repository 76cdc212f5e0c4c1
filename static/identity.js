// The page that waits for a phone. It asks for the answer, redraws the code to scan and counts down: no focus moves, nothing else changes.
const go = document.querySelector("form[data-go]");
const cameBack = performance.getEntriesByType("navigation")[0]?.type === "back_forward"; // who goes back wants to stay here
if (go && !cameBack) go.requestSubmit();

const waiting = document.querySelector("[data-state-url]");
if (waiting) {
  const until = Date.now() + 1000 * waiting.dataset.left;
  let asking = false;
  const ask = async () => {
    if (asking) return;
    asking = true;
    try {
      const { state } = await (await fetch(waiting.dataset.stateUrl, { cache: "no-store" })).json();
      if (state !== waiting.dataset.state) return location.reload();
    } catch {
      // no network just now: asked again
    }
    asking = false;
    setTimeout(ask, Date.now() < until ? 2000 : 10000);
  };
  setTimeout(ask, 1000);
  document.addEventListener("visibilitychange", () => document.hidden || ask()); // back from the app

  const image = waiting.querySelector("img[data-qr]");
  const address = image?.src;
  if (image) setInterval(() => {
    const next = new Image();
    next.onload = () => { image.src = next.src; };
    next.src = `${address}?at=${Date.now()}`;
  }, 1000);

  const clock = waiting.querySelector("[data-clock]");
  setInterval(() => {
    const left = Math.max(0, Math.round((until - Date.now()) / 1000));
    clock.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
  }, 1000);
}
