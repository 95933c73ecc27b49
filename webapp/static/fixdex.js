// What a page with JavaScript does better; everything works without it.
const words = document.body.dataset;
const form = document.querySelector("form.ask");
const box = form?.querySelector("textarea");
// Not by id: a heading of a post may be called the same.
const found = document.querySelector("[data-found]");
const told = document.querySelector("[data-live]");
const cut = document.querySelector("[data-cut]");
const LONGEST = 64 * 1024;
// Web servers refuse long addresses: a long question travels in the body, and stays with the page.
const LONG = 2000;
const DEBOUNCE = 180;

// Enter that confirms an input method's candidate is not the end of a question.
const composing = (event) => event.isComposing || event.keyCode === 229;

function read(name, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(`fixdex ${name}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function keep(name, value) {
  try {
    localStorage.setItem(`fixdex ${name}`, JSON.stringify(value));
  } catch {
    // A browser that keeps nothing still answers.
  }
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// Buttons that only a script can serve.

function equip(root) {
  for (const block of root.querySelectorAll("[data-copyable], .body .code:has(> pre)")) {
    const button = make("button", "copy", words.copy);
    button.type = "button";
    button.addEventListener("click", async () => {
      const pre = block.querySelector("pre");
      try {
        await navigator.clipboard.writeText(pre.textContent);
      } catch {
        // Only safe addresses have a clipboard: elsewhere it is chosen, ready for Ctrl+C.
        getSelection().selectAllChildren(pre);
        return;
      }
      button.textContent = words.copied;
      say(words.copied);
      setTimeout(() => (button.textContent = words.copy), 2000);
    });
    block.append(button);
  }
  for (const helped of root.querySelectorAll("form.helped")) {
    helped.addEventListener("submit", async (event) => {
      event.preventDefault();
      const data = new FormData(helped, event.submitter);
      const reason = data.get("reason");
      const body = { question: data.get("question"), post: data.get("post"), helped: !reason, reason };
      const response = await fetch(new URL("api/feedback", form.action), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify(body),
      }).catch(() => null);
      const said = response?.ok ? words.thanks : words.notNoted;
      const thanks = make("span", "", said);
      thanks.tabIndex = -1;
      helped.replaceChildren(thanks);
      thanks.focus();
    });
  }
  showRecent(root);
}

function say(text) {
  if (told) told.textContent = text;
}

// Questions of this browser, kept in it alone.

function remember(question) {
  question = question.trim().slice(0, 300);
  if (question) keep("asked", [question, ...read("asked", []).filter((one) => one !== question)].slice(0, 8));
}

function showRecent(root) {
  const recent = root.querySelector(".recent");
  const asked = read("asked", []);
  if (!recent || !asked.length) return;
  recent.hidden = false;
  recent.querySelector("ul").replaceChildren(
    ...asked.map((question) => {
      const item = document.createElement("li");
      const link = make("a", "", question.split("\n")[0].slice(0, 120));
      link.href = `?${new URLSearchParams({ q: question })}`;
      item.append(link);
      return item;
    }),
  );
  recent.querySelector("button").addEventListener("click", () => {
    keep("asked", []);
    recent.hidden = true;
    box.focus();
  });
}

// The answer while one types.

let timer, running, shown;

function grow() {
  box.style.setProperty("height", "auto");
  box.style.setProperty("height", `${box.scrollHeight}px`);
}

// What is wrong stands at the end of a log: of more than may be asked, the end is kept.
function trim() {
  const bytes = new TextEncoder().encode(box.value);
  cut.hidden = bytes.length <= LONGEST;
  if (!cut.hidden) box.value = new TextDecoder().decode(bytes.slice(-LONGEST)).replace(/^\uFFFD+/, "");
}

function addressOf(question) {
  const old = new URLSearchParams(location.search);
  const parameters = new URLSearchParams();
  if (question.trim() && question.length <= LONG) parameters.set("q", question);
  // What narrows stays; what was left out stays while the question does.
  const staying = question === old.get("q") ? ["tag", "lang", "folder", "without"] : ["tag", "lang", "folder"];
  for (const name of staying) if (old.get(name)) parameters.set(name, old.get(name));
  const text = parameters.toString();
  return text ? `?${text}` : location.pathname;
}

// `how`: "typing", "settled" (a question of its own, kept by the browser) or "back".
async function show(address, how) {
  clearTimeout(timer);
  running?.abort();
  running = new AbortController();
  const { signal } = running;
  const search = new URL(address, location.href).search;
  const parameters = new URLSearchParams(search);
  const question = box.value;
  const body = question.length > LONG ? new FormData() : null;
  for (const [name, value] of body ? [["q", question], ...parameters] : []) body.set(name, value);
  if (how === "settled") (body ?? parameters).set("asked", "1");
  let failure = words.failed;
  try {
    const response = body
      ? await fetch(new URL("found", form.action), { method: "POST", body, signal })
      : await fetch(new URL(`found?${parameters}`, form.action), { signal });
    const part = new DOMParser().parseFromString(await response.text(), "text/html");
    if (!response.ok) {
      failure = part.querySelector(".verdict")?.textContent ?? failure;
      throw new Error(response.status);
    }
    // Same words, same rules: it was made safe where the page is made.
    found.replaceChildren(...part.body.childNodes);
  } catch (error) {
    if (error.name === "AbortError") return;
    found.replaceChildren(make("p", "verdict", failure));
    say(failure);
    return;
  }
  shown = search;
  const asked = Boolean(question.trim() || search);
  // As the page looks where it is loaded with a question: what was found stands high.
  form.parentElement.classList.toggle("home", !asked);
  document.querySelector("h1").classList.toggle("hidden", asked);
  document.title = question.trim() ? `${question.trim().slice(0, 60)} · ${words.title}` : words.title;
  equip(found);
  say(found.querySelector("[data-told]")?.dataset.told ?? "");
  const state = { typing: how === "typing", long: body ? question : "" };
  const same = search === location.search && state.long === (history.state?.long ?? "");
  if (how !== "back") history[same || history.state?.typing ? "replaceState" : "pushState"](state, "", address);
  const back = document.querySelector(".languages [name=back]");
  if (back) back.value = location.pathname + location.search;
}

function ask(question, how) {
  box.value = question;
  trim();
  grow();
  return show(addressOf(box.value), how);
}

if (box && found) {
  shown = location.search;
  const typed = () => {
    trim();
    grow();
    clearTimeout(timer);
    timer = setTimeout(() => show(addressOf(box.value), "typing"), DEBOUNCE);
  };
  // Half a word of an input method is no question yet.
  box.addEventListener("input", (event) => (event.isComposing ? grow() : typed()));
  box.addEventListener("compositionend", typed);
  form.addEventListener("submit", async (event) => {
    // A label that is taken out, a draft: these go their own way.
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    remember(box.value);
    const labelled = event.submitter?.name === "without";
    const parameters = new URLSearchParams(new URL(addressOf(box.value), location.href).search);
    if (labelled) parameters.set("without", event.submitter.value);
    await show(parameters.size ? `?${parameters}` : location.pathname, "settled");
    // The label that was pressed is gone.
    if (labelled) (found.querySelector(".understood button") ?? box).focus();
  });
  found.addEventListener("click", async (event) => {
    const link = event.target.closest("a[href]");
    if (!link) return;
    remember(box.value);
    if (event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    const url = new URL(link.href);
    // A filter, another page, a question to try: the page stays.
    if (url.origin !== location.origin || url.pathname !== new URL(form.action).pathname) return;
    event.preventDefault();
    box.value = url.searchParams.get("q") ?? (box.value.length > LONG ? box.value : "");
    grow();
    const start = link.closest(".teach, .suggestion");
    await show(url.search, "settled");
    if (start) box.focus();
    else (found.querySelector("#posts-title") ?? box).focus();
  });
  addEventListener("popstate", (event) => {
    const long = event.state?.long ?? "";
    if (location.search === shown && !long && box.value.length <= LONG) return;
    box.value = long || (new URLSearchParams(location.search).get("q") ?? "");
    grow();
    show(location.search || location.pathname, "back");
  });
  if (history.state?.long) ask(history.state.long, "back");
}

// Keys.

const targets = () => [...(found?.querySelectorAll(".answer h2 a, .posts h3 a, .teach a") ?? [])];
const hints = document.querySelector("[data-keys]");

if (hints) {
  const toggle = hints.querySelector("button");
  const tell = () => {
    const off = read("keys", "on") === "off";
    toggle.textContent = off ? toggle.dataset.on : toggle.dataset.off;
    hints.classList.toggle("off", off);
  };
  toggle.addEventListener("click", () => {
    keep("keys", read("keys", "on") === "off" ? "on" : "off");
    tell();
  });
  hints.hidden = false;
  for (const key of hints.querySelectorAll("[data-mac]")) if (/Mac|iP/.test(navigator.platform)) key.textContent = key.dataset.mac;
  tell();
}

box?.addEventListener("keydown", (event) => {
  if (composing(event)) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  } else if (read("keys", "on") === "on" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
    // In several rows the arrow moves among them; it leaves from the end.
    const rows = box.clientHeight / Number.parseFloat(getComputedStyle(box).lineHeight);
    const leaves = rows < 2.5 || box.selectionStart === box.value.length;
    if (event.key === "ArrowDown" && leaves && targets().length) {
      event.preventDefault();
      targets()[0].focus();
    } else if (event.key === "Escape" && box.value && found) {
      event.preventDefault();
      // What was typed stays one step back.
      remember(box.value);
      history.replaceState({ typing: false, long: box.value.length > LONG ? box.value : "" }, "", addressOf(box.value));
      ask("", "settled");
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (!box || event.defaultPrevented || read("keys", "on") === "off" || composing(event)) return;
  const at = targets().indexOf(document.activeElement);
  if (at >= 0 && ["ArrowDown", "ArrowUp", "Escape"].includes(event.key)) {
    event.preventDefault();
    const next = event.key === "Escape" ? -1 : at + (event.key === "ArrowDown" ? 1 : -1);
    (next < 0 ? box : (targets()[next] ?? document.activeElement)).focus();
    return;
  }
  const combined = (event.ctrlKey || event.metaKey) && !event.altKey && event.key.toLowerCase() === "k";
  const elsewhere = event.target.closest?.("input, textarea, select, [contenteditable]");
  const slash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (elsewhere || !(combined || slash)) return;
  event.preventDefault();
  box.focus();
  box.select();
});

equip(document);
if (box) grow();
