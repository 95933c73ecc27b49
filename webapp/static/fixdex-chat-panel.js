// What <fixdex-chat> opens: the conversation. Everything of a post is put in as text, never as HTML.
import { languageOf, styled } from "./fixdex-chat.js";

const look = `
* { box-sizing: border-box; }
.panel {
  all: initial; color-scheme: var(--fixdex-color-scheme, light dark); direction: ltr; box-sizing: border-box;
  --page: var(--fixdex-page, light-dark(#fff, #1a1e22)); --soft: var(--fixdex-soft, light-dark(#f3f4f6, #242a30));
  --line: var(--fixdex-line, light-dark(#dfe2e6, #39414a)); --text: var(--fixdex-text, light-dark(#1b1f24, #e6e9ec));
  --quiet: var(--fixdex-quiet, light-dark(#5b6470, #a0a9b3)); --accent: var(--fixdex-accent); --on-accent: var(--fixdex-on-accent);
  --added: light-dark(#e3f6ea, #12331f); --added-text: light-dark(#0a5a2b, #8fe0ab);
  --removed: light-dark(#fdecea, #40201d); --removed-text: light-dark(#97211a, #ffb3aa);
  position: fixed; bottom: 16px; right: 16px; z-index: 2147483001; display: flex; flex-direction: column;
  width: min(432px, calc(100vw - 32px)); height: min(640px, calc(100dvh - 32px)); overflow: hidden;
  background: var(--page); color: var(--text); border: 1px solid var(--line); border-radius: 16px;
  box-shadow: 0 12px 48px rgb(0 0 0 / .22); font: 15px/1.6 var(--fixdex-font);
}
.panel[hidden] { display: none; }
:host([position="left"]) .panel { right: auto; left: 16px; }
:host([inline]) .panel { position: static; width: 100%; height: 100%; box-shadow: none; }
@media (max-width: 480px) { :host(:not([inline])) .panel { inset: 0; width: 100%; height: 100dvh; border: 0; border-radius: 0; } }
header { display: flex; align-items: center; gap: 8px; padding: 11.2px 11.2px 11.2px 16px; border-bottom: 1px solid var(--line); }
header h2 { flex: 1; margin: 0; font-size: 15px; }
button { border: 0; border-radius: 8px; padding: 5.6px 11.2px; background: none; color: var(--quiet); font: inherit; font-size: 14px; cursor: pointer; }
button:hover { background: var(--soft); color: var(--text); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
.log { flex: 1; overflow-y: auto; padding: 16px; overflow-wrap: anywhere; }
textarea, .mine, .reply li { unicode-bidi: plaintext; text-align: start; }
.mine { width: fit-content; max-width: 88%; max-height: 192px; overflow: auto; margin: 0 0 14.4px auto; padding: 7.2px 12.8px; border-radius: 12px 12px 3px; background: var(--soft); white-space: pre-wrap; }
.reply { margin: 0 0 22.4px; }
.reply p { margin: 0 0 9.6px; white-space: pre-wrap; unicode-bidi: plaintext; text-align: start; }
.reply ul { margin: 0; padding-left: 19.2px; }
.reply li { margin-bottom: 5.6px; }
.title { font-weight: 650; }
.part { color: var(--quiet); font-size: 13px; }
a { color: var(--accent); }
.code, .diff { margin: 0 0 9.6px; border-radius: 8px; background: var(--soft); }
.code { display: flex; flex-direction: column-reverse; }
pre { flex: 1; min-width: 0; margin: 0; padding: 11.2px 12.8px; overflow-x: auto; max-height: 352px; direction: ltr; text-align: left; font: 13px/1.55 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", "Noto Sans Mono CJK SC", monospace; tab-size: 4; }
.code button { align-self: end; margin: 6.4px 6.4px -6.4px 0; padding: 0.8px 8px; font-size: 12px; background: var(--page); border: 1px solid var(--line); }
@media (min-width: 640px) { :host([inline]) .code { flex-direction: row; } :host([inline]) .code button { align-self: start; } }
details { margin-bottom: 9.6px; } summary { cursor: pointer; color: var(--quiet); margin-bottom: 6.4px; }
.added { background: var(--added); color: var(--added-text); } .removed { background: var(--removed); color: var(--removed-text); }
.quiet { color: var(--quiet); }
.k { color: light-dark(#8a2ba6, #d7a2ec); } .s { color: light-dark(#0b6b3a, #8fd6a4); } .m { color: light-dark(#8d4600, #f0b072); }
.n { color: light-dark(#0a5cad, #8cc4ff); } .c { color: light-dark(#646d77, #98a2ad); }
.next { display: flex; flex-wrap: wrap; gap: 6.4px; margin-top: 11.2px; }
.ask { padding: 3.2px 10.4px; border: 1px solid var(--line); color: var(--accent); }
.ask:hover { border-color: var(--accent); color: var(--accent); }
.helped { margin-top: 9.6px; font-size: 13px; }
.helped .ask { font-size: 13px; padding: 0.8px 8px; margin: 2.4px 0; }
pre code { font: inherit; }
p code { padding: .1em .3em; border-radius: 4px; background: var(--soft); font: .92em/1 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
form { display: flex; align-items: flex-end; gap: 6.4px; padding: 9.6px; border-top: 1px solid var(--line); }
textarea { flex: 1; min-width: 0; max-height: 144px; padding: 7.2px 9.6px; resize: none; border: 1px solid var(--line); border-radius: 10px; background: var(--page); color: inherit; font: inherit; }
textarea::placeholder { color: var(--quiet); opacity: 1; }
form button { background: var(--accent); color: var(--on-accent); font-weight: 600; padding: 8px 14.4px; }
form button:hover { background: var(--accent); color: var(--on-accent); }
`;

function make(tag, className, text) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

// A sentence of a post, with its code and its bold words shown as such.
function prose(className, text) {
  const paragraph = make("p", className);
  for (const piece of text.split(/(`+[^`\n]+`+|\*\*[^*\n]+\*\*)/)) {
    const match = /^(`+)([^`\n]+)\1$|^\*\*([^*\n]+)\*\*$/.exec(piece);
    paragraph.append(match ? make(match[2] ? "code" : "strong", "", match[2] ?? match[3]) : piece);
  }
  return paragraph;
}

const LONGEST = 64 * 1024;
const REASONS = ["other_trouble", "wrong_part", "outdated", "did_not_work", "unclear"];

// The panel of an element, in its language.
export async function openPanel(host) {
  const response = await fetch(new URL(`words/${languageOf(host)}.json`, host.server));
  return new Panel(host, await response.json());
}

class Panel {
  constructor(host, words) {
    this.host = host;
    this.words = words;
    this.key = `fixdex 2 ${host.server.href}`;
    this.turns = [];
    this.build();
    this.restore();
    styled(host.shadowRoot, look);
    host.shadowRoot.append(this.panel);
  }

  build() {
    const { words, host } = this;
    this.panel = make("section", "panel");
    this.panel.tabIndex = -1;
    this.panel.setAttribute("aria-label", words.chat_title);
    if (!host.hasAttribute("inline")) {
      this.panel.setAttribute("role", "dialog");
      this.panel.setAttribute("aria-modal", "true");
    }
    const header = make("header");
    header.append(make("h2", "", words.chat_title));
    const clear = make("button", "", words.clear);
    clear.addEventListener("click", () => this.clear());
    header.append(clear);
    if (!host.hasAttribute("inline")) {
      const close = make("button", "", words.close);
      close.addEventListener("click", () => this.hide());
      header.append(close);
    }
    this.log = make("div", "log");
    this.log.setAttribute("role", "log");
    this.log.setAttribute("aria-live", "polite");
    this.log.setAttribute("aria-label", words.log);
    this.log.tabIndex = 0;
    this.form = make("form");
    this.box = make("textarea");
    this.box.rows = 1;
    this.box.placeholder = host.getAttribute("placeholder") || words.ask_short;
    this.box.setAttribute("aria-label", words.ask_short);
    this.box.addEventListener("input", () => this.grow());
    this.box.addEventListener("keydown", (event) => {
      // Enter that confirms an input method's candidate is not the end of a question.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = this.box.value.trim();
      if (!question || this.busy) return;
      this.box.value = "";
      this.grow();
      this.ask(question);
    });
    this.form.append(this.box, make("button", "", words.send));
    this.panel.append(header, this.log, this.form);
    this.panel.addEventListener("keydown", (event) => {
      if (host.hasAttribute("inline") || event.isComposing || event.keyCode === 229) return;
      if (event.key === "Escape") this.hide();
      else if (event.key === "Tab") this.turn(event);
    });
    // To the page it would look as if nobody typed: its own shortcuts would take the keys.
    for (const kind of ["keydown", "keypress", "keyup"]) this.panel.addEventListener(kind, (event) => event.stopPropagation());
  }

  show() {
    this.panel.hidden = false;
    this.log.scrollTop = this.log.scrollHeight;
    if (!this.host.hasAttribute("inline")) this.box.focus();
  }

  hide() {
    this.panel.hidden = true;
    this.host.shadowRoot.querySelector(".open")?.focus();
  }

  // Tab goes round in the open panel.
  turn(event) {
    const all = [...this.panel.querySelectorAll("a[href], button, textarea, summary, [tabindex='0']")].filter((one) => one.checkVisibility());
    const at = this.host.shadowRoot.activeElement;
    const [first, last] = [all[0], all.at(-1)];
    if (event.shiftKey ? at === first : at === last) {
      event.preventDefault();
      (event.shiftKey ? last : first).focus();
    }
  }

  grow() {
    this.box.style.setProperty("height", "auto");
    this.box.style.setProperty("height", `${Math.min(this.box.scrollHeight + 2, 144)}px`);
  }

  clear() {
    this.running?.abort();
    this.busy = false;
    this.turns = [];
    this.log.replaceChildren();
    this.keep();
    this.box.focus();
  }

  keep() {
    try {
      sessionStorage.setItem(this.key, JSON.stringify(this.turns.slice(-20)));
    } catch {
      // A browser that keeps nothing still answers.
    }
  }

  restore() {
    try {
      const turns = JSON.parse(sessionStorage.getItem(this.key)) || [];
      for (const { question, answer } of turns) this.log.append(make("div", "mine", question), this.reply(answer));
      this.turns = turns;
    } catch {
      // Kept by another version, or not kept at all: the conversation begins anew.
      this.log.replaceChildren();
    }
  }

  // The turns before, the latest that fit into a request.
  history() {
    const turns = this.turns.slice(-20).map((turn) => ({ question: turn.question, post: turn.answer.answer?.post.path ?? null }));
    while (JSON.stringify(turns).length > 200_000) turns.shift();
    return turns;
  }

  async ask(asked) {
    // What is wrong stands at the end of a log: of more than may be asked, the end is kept.
    const bytes = new TextEncoder().encode(asked);
    const cut = bytes.length > LONGEST;
    const question = cut ? new TextDecoder().decode(bytes.slice(-LONGEST)).replace(/^\uFFFD+/, "") : asked;
    this.busy = true;
    this.running = new AbortController();
    const { signal } = this.running;
    const mine = make("div", "mine", question);
    const waiting = make("div", "reply quiet", this.words.busy);
    this.log.append(mine, ...(cut ? [make("p", "part", this.words.cut)] : []), waiting);
    this.log.scrollTop = this.log.scrollHeight;
    let failure = this.words.no_answer;
    try {
      const response = await fetch(new URL("api/ask", this.host.server), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question, history: this.history(), spans: true }),
        signal,
      });
      const answer = await response.json();
      if (!response.ok) {
        const { code, message, retry_after } = answer.error;
        failure = (this.words[`error_${code}`] ?? message).replace("{seconds}", retry_after);
        throw new Error(code);
      }
      this.turns.push({ question, answer });
      this.keep();
      waiting.replaceWith(this.reply(answer));
      this.log.scrollTop += mine.getBoundingClientRect().top - this.log.getBoundingClientRect().top - 12;
    } catch {
      if (signal.aborted) return;
      waiting.replaceChildren(make("p", "", failure));
      const retry = make("button", "ask", this.words.retry);
      retry.addEventListener("click", () => {
        mine.remove();
        waiting.remove();
        this.box.focus();
        this.ask(question);
      });
      waiting.append(retry);
    }
    this.busy = false;
  }

  reply(body) {
    const reply = make("div", "reply");
    const found = body.answer;
    if (body.carried.length) {
      reply.append(make("p", "part", `${this.words.carried} ${body.carried.join(" ")}`));
    }
    if (found) {
      const part = this.words[`part_${body.asks}`];
      if (part) reply.append(make("p", "part", part));
      const title = make("p");
      title.append(this.link(found.post, found.fix[0].anchor, found.post.title, "title"));
      reply.append(title);
      if (found.lead) reply.append(prose("", found.lead));
      const fix = make("div", "fix");
      for (const step of found.fix) {
        fix.append(step.kind === "code" ? this.code(step.text, step.spans) : prose("text", step.text));
      }
      reply.append(fix);
      if (found.diff) reply.append(this.diff(found.diff));
      if (body.asks === "fix") this.aside(reply, body);
      reply.append(this.link(found.post, found.fix[0].anchor, this.words.open_post, ""));
      reply.append(this.helped(body), this.next(body));
      return reply;
    }
    const related = body.state === "related";
    const untold = body.asks === "fix" ? "" : body.asks === "another" ? this.words.no_other : this.words.untold;
    reply.append(make("p", "", untold || (related ? this.words.related_in_chat : this.words.no_match)));
    if (!related && !untold && body.unmatched.length) {
      reply.append(make("p", "quiet", `${this.words.no_word} ${body.unmatched.join(", ")}`));
    }
    if (body.alternatives.length) {
      if (!related) reply.append(make("p", "quiet", this.words.near));
      const list = make("ul");
      for (const { post, anchor } of body.alternatives.slice(0, 5)) {
        const item = make("li");
        item.append(this.link(post, anchor, post.title, ""));
        list.append(item);
      }
      reply.append(list);
    }
    return reply;
  }

  // What goes with a fix, folded away.
  aside(reply, body) {
    const { words } = this;
    const { error, cause, failing, failing_spans } = body.answer;
    for (const [name, text] of [[words.error, error], [words.cause, cause], [words.failing, failing]]) {
      if (!text) continue;
      const details = make("details");
      details.append(make("summary", "", name), text === cause ? prose("text", text) : this.code(text, text === failing && failing_spans));
      reply.append(details);
    }
    const sure = body.confidence >= 0.9 ? words.very_sure : body.confidence >= 0.7 ? words.sure : words.fairly_sure;
    const { post, problem } = body.answer;
    const heading = problem.title === post.title ? "" : problem.title;
    const matched = body.matched?.length ? `${words.matches} ${body.matched.join(", ")}` : "";
    const missed = body.unmatched.length ? `${words.no_word} ${body.unmatched.join(", ")}` : "";
    reply.append(make("p", "part", [sure, post.date, heading, matched, missed].filter(Boolean).join(" · ")));
  }

  // What may be asked next, as buttons.
  next(body) {
    const row = make("div", "next");
    const told = { cause: body.asks === "fix", failing: body.answer.failing, check: body.asks === "fix", another: true };
    for (const asks of ["cause", "failing", "check", "another"]) {
      const text = this.words[`next_${asks}`];
      if (!told[asks] || (asks === body.asks && asks !== "another")) continue;
      const button = make("button", "ask", text);
      button.addEventListener("click", () => this.busy || this.ask(text));
      row.append(button);
    }
    return row;
  }

  helped(body) {
    const { words } = this;
    const row = make("div", "helped quiet", `${words.did_it_help} `);
    row.tabIndex = -1;
    const send = async (reason) => {
      const response = await fetch(new URL("api/feedback", this.host.server), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ question: body.question, post: body.answer.post.path, helped: !reason, reason: reason ?? null }),
      }).catch(() => null);
      row.replaceChildren(response?.ok ? words.thanks : words.not_noted);
      row.focus();
    };
    const yes = make("button", "ask", words.yes);
    yes.addEventListener("click", () => send());
    const no = make("button", "ask", words.no);
    no.setAttribute("aria-expanded", "false");
    no.addEventListener("click", () => {
      no.setAttribute("aria-expanded", "true");
      const reasons = make("div", "", `${words.why_not} `);
      for (const name of REASONS) {
        const why = make("button", "ask", words[name]);
        why.addEventListener("click", () => send(name));
        reasons.append(why, " ");
      }
      row.append(reasons);
      no.disabled = true;
      reasons.querySelector("button").focus();
    });
    row.append(yes, " ", no);
    return row;
  }

  link(post, anchor, text, className) {
    const link = make("a", className, text);
    const url = new URL(post.url, this.host.server);
    if (anchor) url.hash = anchor;
    // A link without a host belongs to a site whose address nobody told.
    const own = /^https?:\/\//.test(post.link) ? post.link : null;
    link.href = own || url.href;
    link.rel = "noopener";
    if (!this.host.hasAttribute("inline")) link.target = "_blank";
    return link;
  }

  // `spans`: the text in pieces, each with the class of its colour.
  code(text, spans) {
    const block = make("div", "code");
    const pre = make("pre");
    pre.tabIndex = 0;
    const code = make("code");
    for (const [kind, piece] of spans || [["", text]]) code.append(kind ? make("span", kind, piece) : piece);
    pre.append(code);
    const copy = make("button", "", this.words.copy_code);
    copy.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
      } catch {
        // Only safe addresses have a clipboard: elsewhere it is chosen, ready for Ctrl+C.
        getSelection().selectAllChildren(code);
        return;
      }
      copy.textContent = this.words.copied;
      setTimeout(() => (copy.textContent = this.words.copy_code), 2000);
    });
    block.append(pre, copy);
    return block;
  }

  diff(text) {
    const details = make("details");
    const pre = make("pre", "diff");
    pre.tabIndex = 0;
    const lines = text.split("\n");
    for (const line of lines.slice(lines[0].startsWith("--- ") ? 2 : 0)) {
      pre.append(make("span", { "+": "added", "-": "removed" }[line[0]] || "", `${line}\n`));
    }
    details.append(make("summary", "", this.words.what_changes), pre);
    details.open = true;
    return details;
  }
}
