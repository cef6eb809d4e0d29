// What is left to look at, and what is known of the chosen one? Suspects first, then tracks, then words.

import { clock } from "/static/desk.js";

const make = (name, facts = {}, ...inside) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(facts)) {
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (typeof value === "boolean") made.toggleAttribute(key, value);
    else made.setAttribute(key, value);
  }
  made.append(...inside.filter(Boolean));
  return made;
};

const KINDS = { face: "Face", plate: "Plate", screen: "Screen", paper: "Paper", person: "Person", other: "Other" };
const WHYS = {
  weak: (s) => `weak ${KINDS[s.kind]?.toLowerCase() ?? s.kind}, score ${(s.score_milli / 1000).toFixed(2)}`,
  begins: (s) => `track ${s.track} begins in the open picture`,
  breaks_off: (s) => `track ${s.track} breaks off`,
  text: () => "text that may be a plate",
  seen_after: (s) => `${KINDS[s.kind]?.toLowerCase() ?? s.kind} seen in the render, which nothing hid`,
};
const STATES = { proposed: "to decide", accepted: "hidden", rejected: "left visible" };

export class Lists {
  constructor(desk) {
    this.desk = desk;
    this.suspects = desk.querySelector("[data-suspects]");
    this.tracks = desk.querySelector("[data-tracks]");
    this.panel = desk.querySelector("[data-panel]");
    this.words = desk.querySelector("[data-words]");
    this.dialog = document.getElementById("desk-reason");
    this.dialog.querySelector("form").addEventListener("submit", (e) => this.reasonGiven(e));
    this.dialog.querySelector("[data-close]").addEventListener("click", () => this.dialog.close());
  }

  draw() {
    this.drawSuspects();
    this.drawTracks();
    this.drawPanel();
    this.drawWords();
  }

  drawSuspects() {
    const { desk } = this, left = desk.plan.suspects.filter((s) => s.looked === "open");
    this.suspects.replaceChildren(...left.slice(0, 200).map((s) => make("li", {},
      make("button", { type: "button", class: "seek figure", onclick: () => this.show(s), text: clock(s.begins_us) }),
      make("span", { text: WHYS[s.why]?.(s) ?? s.why }),
      desk.open && make("button", { type: "button", class: "small-act", onclick: () => desk.edit({ op: "suspect_hide", suspect: s.id }), text: "Hide it", "aria-label": `Hide suspect ${s.id}` }),
      desk.open && s.why !== "seen_after" && make("button", { type: "button", class: "small-act", onclick: () => desk.edit({ op: "suspect_looked", suspect: s.id }), text: "Nothing", "aria-label": `Nothing to hide at suspect ${s.id}` }),
    )));
    this.suspects.closest("section").hidden = !desk.plan.suspects.length;
    this.suspects.nextElementSibling.hidden = left.length > 0;
  }

  show(suspect) {
    this.desk.video.pause();
    this.desk.seek(suspect.begins_us);
  }

  nextSuspect() {
    const left = this.desk.plan.suspects.filter((s) => s.looked === "open");
    const next = left.find((s) => s.begins_us > this.desk.nowUs) ?? left[0];
    if (next) this.show(next);
  }

  drawTracks() {
    const { desk } = this, order = { proposed: 0, accepted: 1, rejected: 2 };
    const rows = [...desk.plan.tracks].sort((a, b) => order[a.state] - order[b.state] || a.begins_us - b.begins_us);
    this.tracks.replaceChildren(...rows.map((track) => make("li", { class: `track track-${track.state}` },
      make("button", { type: "button", "aria-pressed": String(track.id === desk.chosen), onclick: () => desk.choose(track.id) },
        make("span", { class: "figure", text: `${clock(track.begins_us)} to ${clock(track.ends_us)}` }),
        make("span", { text: ` ${KINDS[track.kind] ?? track.kind}${track.person ? ` of ${track.person}` : ""}, ${STATES[track.state]}` }),
        make("span", { class: "under", text: [track.id, track.exemption, track.source].filter(Boolean).join(" · ") })))));
  }

  drawPanel() {
    const { desk } = this, track = desk.chosen && desk.track(desk.chosen);
    if (!track) { this.panel.replaceChildren(make("p", { class: "soft", text: "No track is chosen. N goes to the next one to decide, D draws a new one." })); return; }
    const field = (id, label, input) => make("div", {}, make("label", { class: "usa-label", for: `desk-${id}`, text: label }), input);
    const others = desk.plan.tracks.filter((t) => t.id !== track.id && t.kind === track.kind);
    this.panel.replaceChildren(
      make("h3", { text: `${KINDS[track.kind] ?? track.kind} ${track.id}: ${STATES[track.state]}` }),
      make("p", { class: "soft small", text: this.story(track) }),
      field("exemption", "Exemption", this.select("exemption", desk.exemptions.map((e) => [e.code, `${e.code}: ${e.protects}`]), track.exemption, (value) => desk.edit({ op: "exempt", track: track.id, exemption: value }))),
      field("person", "Person (the same for all tracks of one)", make("input", { class: "usa-input", id: "desk-person", maxlength: "40", value: track.person ?? "", disabled: !desk.open, onchange: (e) => desk.edit({ op: "person", track: track.id, person: e.target.value.trim() }) })),
      field("mask", "Mask", this.select("mask", [["opaque", "Opaque"], ["pixelate", "Pixels (can be undone)"], ["blur", "Blur (can be undone)"]], track.mask, (value) => desk.edit({ op: "mask", track: track.id, mask: value }))),
      field("merge", "Merge with", this.select("merge", [["", "Choose"], ...others.map((t) => [t.id, `${t.id}, ${clock(t.begins_us)} to ${clock(t.ends_us)}`])], "", (value) => value && desk.edit({ op: "merge", track: track.id, other: value }))),
    );
  }

  story(track) {
    const parts = [`${clock(track.begins_us)} to ${clock(track.ends_us)}`, `${track.keyframes.length} key frame${track.keyframes.length === 1 ? "" : "s"}`];
    if (track.score_milli) parts.push(`score ${(track.score_milli / 1000).toFixed(2)} by ${track.source}`);
    if (track.by) parts.push(`decided by ${track.by}`);
    if (track.reason) parts.push(`because ${track.reason}`);
    return `${parts.join(", ")}.`;
  }

  select(id, options, value, chosen) {
    return make("select", { class: "usa-select", id: `desk-${id}`, disabled: !this.desk.open, onchange: (e) => chosen(e.target.value) },
      ...options.map(([v, label]) => make("option", { value: v, selected: v === (value ?? ""), text: label })));
  }

  drawWords() {
    const { desk } = this;
    const muted = (w) => desk.plan.sound.find((s) => s.state !== "rejected" && s.begins_us < w.ends_us && s.ends_us > w.begins_us);
    this.words.replaceChildren(...desk.transcript.flatMap((w) => {
      const span = muted(w);
      const button = make("button", { type: "button", class: `word${span ? ` word-${span.state}` : ""}`, "aria-pressed": String(Boolean(span)), disabled: !desk.open, text: w.word, title: clock(w.begins_us),
        onclick: () => (span ? desk.edit({ op: "unmute", sound: span.id }) : desk.edit({ op: "mute", begins_us: w.begins_us, ends_us: w.ends_us, words: w.word })) });
      return [button, " "];
    }));
    const list = desk.querySelector("[data-sounds]");
    list.replaceChildren(...desk.plan.sound.map((s) => make("li", {},
      make("button", { type: "button", class: "seek figure", onclick: () => desk.seek(s.begins_us), text: `${clock(s.begins_us)} to ${clock(s.ends_us)}` }),
      make("span", { text: ` ${s.kind}: “${s.words ?? ""}”, ${{ proposed: "to decide", accepted: "silenced", rejected: "left audible" }[s.state]}` }),
      desk.open && s.state !== "accepted" && make("button", { type: "button", class: "small-act", text: "Silence", "aria-label": `Silence ${s.id}`, onclick: () => desk.edit({ op: "accept_sound", sound: s.id }) }),
      desk.open && s.state !== "rejected" && make("button", { type: "button", class: "small-act", text: "Leave", "aria-label": `Leave ${s.id} audible`, onclick: () => desk.edit({ op: "reject_sound", sound: s.id }) }))));
  }

  focus(id) { document.getElementById(`desk-${id}`)?.focus(); }

  askReason() {
    if (!this.desk.chosen || !this.desk.open) return;
    this.dialog.querySelector("[data-which]").textContent = this.desk.chosen;
    this.dialog.showModal();
  }

  reasonGiven(event) {
    event.preventDefault();
    const data = new FormData(event.target);
    this.dialog.close();
    this.desk.decide("rejected", [data.get("reason"), data.get("words")].filter(Boolean).join(": "));
  }
}
