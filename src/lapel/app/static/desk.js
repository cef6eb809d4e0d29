// How does a person decide what is hidden? The desk: the plan, what was decided so far, and the keys for everything.
// The server holds the plan; each edit is sent, applied there, and comes back as the next revision.

import { isTyping } from "/static/lapel.js";
import { Picture } from "/static/desk-picture.js";
import { Line } from "/static/desk-line.js";
import { Lists } from "/static/desk-lists.js";

const WATCHED_EVERY_MS = 10_000;
const FASTEST_WATCHED = 2; // at more than twice the speed nobody has looked at a frame

class LapelDesk extends HTMLElement {
  connectedCallback() {
    const said = JSON.parse(this.querySelector("script").textContent);
    Object.assign(this, { plan: said.plan, revision: said.revision, open: said.open, urls: said.urls, frameUs: said.frame_us, lengthUs: said.length_us });
    this.exemptions = said.exemptions;
    this.transcript = said.transcript;
    this.chosen = null;
    this.sending = Promise.resolve();
    this.waiting = 0;
    this.seen = [];
    this.video = this.querySelector("video");
    this.says = this.querySelector("[data-says]");
    this.picture = new Picture(this);
    this.line = new Line(this);
    this.lists = new Lists(this);
    this.listen();
    this.choose(this.undecided()[0]?.id ?? null, { seek: false });
    this.draw();
  }

  get nowUs() { return Math.round(this.video.currentTime * 1e6); }
  track(id) { return this.plan.tracks.find((t) => t.id === id); }
  undecided() { return this.plan.tracks.filter((t) => t.state === "proposed").sort((a, b) => a.begins_us - b.begins_us); }

  listen() {
    const v = this.video;
    const tick = () => { this.now(); v.requestVideoFrameCallback?.(tick); };
    if (v.requestVideoFrameCallback) v.requestVideoFrameCallback(tick);
    for (const name of ["timeupdate", "seeked", "loadedmetadata"]) v.addEventListener(name, () => this.now());
    v.addEventListener("play", () => this.toggleLabel());
    v.addEventListener("pause", () => { this.toggleLabel(); this.closeSeen(); });
    v.addEventListener("seeking", () => this.closeSeen());
    v.addEventListener("error", () => { this.says.textContent = "Your browser cannot play this clip. Decide by the list, or make a playable copy first."; });
    this.addEventListener("click", (e) => {
      const act = e.target.closest("[data-act]")?.dataset.act;
      if (act) this.act(act);
    });
    document.addEventListener("keydown", (e) => this.key(e));
    setInterval(() => this.sendSeen(), WATCHED_EVERY_MS);
    document.addEventListener("visibilitychange", () => { if (document.hidden) this.sendSeen(); });
  }

  now() {
    this.picture.draw();
    this.line.head();
    this.querySelector("[data-now]").textContent = clock(this.nowUs);
    this.watchFrame();
  }

  draw() {
    this.picture.draw();
    this.line.draw();
    this.lists.draw();
    this.left();
  }

  left() {
    const tracks = this.undecided().length, sound = this.plan.sound.filter((s) => s.state === "proposed").length;
    const suspects = this.plan.suspects.filter((s) => s.looked === "open").length;
    const parts = [[tracks, "track"], [sound, "stretch of sound", "stretches of sound"], [suspects, "suspect"]]
      .filter(([n]) => n).map(([n, one, many]) => `${n} ${n === 1 ? one : many ?? one + "s"}`);
    if (this.open) document.querySelector("[data-left]").textContent = parts.length ? `${parts.join(", ")} left to decide` : "Nothing is left to decide";
    this.querySelector("[data-revision]").textContent = `revision ${this.revision}`;
    const finish = document.querySelector("[data-finish]");
    if (finish) finish.disabled = parts.length > 0;
  }

  choose(id, { seek = true } = {}) {
    this.chosen = id;
    const track = id && this.track(id);
    if (track && seek) {
      const t = this.nowUs;
      if (t < track.begins_us || t > track.ends_us) this.seek(track.begins_us);
    }
    this.draw();
  }

  seek(us) {
    this.video.currentTime = Math.max(0, Math.min(us, this.lengthUs)) / 1e6;
  }

  // One after the other: what the second edit says rests on what the first one made.
  edit(...edits) {
    if (!this.open) { this.says.textContent = "This plan is accepted and is not changed any more."; return this.sending; }
    this.waiting += 1;
    this.says.textContent = "Saving…";
    this.sending = this.sending.then(() => this.send(edits)).finally(() => { this.waiting -= 1; });
    return this.sending;
  }

  async send(edits) {
    const answer = await this.post(this.urls.edits, { base: this.revision, edits });
    if (!answer) return;
    Object.assign(this, { plan: answer.plan, revision: answer.revision });
    if (this.chosen && !this.track(this.chosen)) this.chosen = this.undecided()[0]?.id ?? null;
    this.says.textContent = `Saved: ${answer.says}`;
    this.choose(answer.chosen || this.chosen, { seek: Boolean(answer.chosen) });
  }

  async post(url, body) {
    try {
      const answer = await fetch(url, {
        method: "POST", credentials: "same-origin", body: JSON.stringify(body),
        headers: { "Content-Type": "application/json", Accept: "application/json", "X-Form-Token": this.dataset.token },
      });
      const said = await answer.json();
      if (answer.ok) return said;
      this.says.textContent = `Not saved: ${said.detail ?? said.title} ${said.next_step ?? ""}`;
      if (answer.status === 409) await this.reload();
    } catch {
      this.says.textContent = "Not saved: the server did not answer. Your last saved revision is safe; try again.";
    }
    return null;
  }

  async reload() {
    const answer = await fetch(this.urls.plan, { credentials: "same-origin", headers: { Accept: "application/json" } });
    if (!answer.ok) return;
    const said = await answer.json();
    Object.assign(this, { plan: said.plan, revision: said.revision, open: said.open });
    this.says.textContent += " The newest plan is shown now.";
    this.draw();
  }

  decide(state, reason = "") {
    if (!this.chosen) return;
    const next = this.after(this.chosen);
    this.edit({ op: state === "accepted" ? "accept" : "reject", track: this.chosen, reason });
    if (next) this.choose(next);
  }

  after(id) {
    const left = this.undecided().filter((t) => t.id !== id);
    const here = this.track(id)?.begins_us ?? 0;
    return (left.find((t) => t.begins_us >= here) ?? left[0])?.id ?? null;
  }

  act(name) {
    const v = this.video, id = this.chosen, at_us = this.nowUs;
    const acts = {
      toggle: () => (v.paused ? v.play().catch(() => {}) : v.pause()),
      back: () => this.seek(at_us - 5e6),
      on: () => this.seek(at_us + 5e6),
      "frame-back": () => { v.pause(); this.seek(at_us - this.frameUs); },
      "frame-on": () => { v.pause(); this.seek(at_us + this.frameUs); },
      next: () => { const n = id ? this.after(id) : this.undecided()[0]?.id; if (n) this.choose(n); },
      suspect: () => this.lists.nextSuspect(),
      accept: () => this.decide("accepted"),
      reject: () => this.lists.askReason(),
      begin: () => id && this.edit({ op: "extend", track: id, begins_us: at_us }),
      end: () => id && this.edit({ op: "extend", track: id, ends_us: at_us }),
      split: () => id && this.edit({ op: "split", track: id, at_us }),
      merge: () => this.lists.focus("merge"),
      group: () => this.lists.focus("person"),
      code: () => this.lists.focus("exemption"),
      keyframe: () => this.picture.keyHere(),
      unkey: () => id && this.edit({ op: "remove_keyframe", track: id, at_us }),
      draw: () => { v.pause(); this.picture.startDrawing(); },
      undo: () => this.edit({ op: "undo" }),
      help: () => document.getElementById("desk-keys").showModal(),
    };
    acts[name]?.();
  }

  key(event) {
    if (isTyping(event) || event.metaKey || event.ctrlKey || document.querySelector("dialog[open]")) return;
    if (event.altKey) { if (this.picture.nudge(event)) event.preventDefault(); return; }
    const keys = {
      k: "toggle", arrowleft: "back", arrowright: "on", ",": "frame-back", ".": "frame-on", n: "next", u: "suspect", a: "accept", r: "reject",
      "[": "begin", "]": "end", s: "split", m: "merge", g: "group", e: "code", f: "keyframe", x: "unkey", d: "draw", z: "undo", "?": "help",
    };
    const free = !event.target.closest("button, a, summary");
    const act = event.key === " " && free ? "toggle" : keys[event.key.toLowerCase()];
    if (event.key === "Escape") { this.picture.stopDrawing(); return; }
    if (!act) return;
    event.preventDefault();
    this.act(act);
  }

  toggleLabel() {
    const button = this.querySelector("[data-act=toggle]");
    button.textContent = this.video.paused ? "Play" : "Pause";
  }

  // Which frames did this person have before their eyes? Only what was played, in sight and not too fast.
  watchFrame() {
    const v = this.video, at = this.nowUs;
    if (v.paused || v.playbackRate > FASTEST_WATCHED || document.hidden) return;
    const last = this.seen.at(-1);
    if (last && !last.closed && at >= last.ends_us && at - last.ends_us < 1e6) last.ends_us = at;
    else this.seen.push({ begins_us: at, ends_us: at, closed: false });
  }

  closeSeen() { const last = this.seen.at(-1); if (last) last.closed = true; }

  async sendSeen() {
    const spans = this.seen.filter((s) => s.ends_us > s.begins_us).map(({ begins_us, ends_us }) => ({ begins_us, ends_us }));
    if (!spans.length) return;
    this.seen = [];
    const answer = await this.post(this.urls.watched, { spans });
    if (answer) this.querySelector("[data-watched]").textContent = answer.says;
  }
}

export function clock(us) {
  const whole = Math.floor(us / 1e6), two = (n) => String(n).padStart(2, "0");
  return `${two(Math.floor(whole / 60))}:${two(whole % 60)}.${String(Math.floor((us % 1e6) / 1e5))}`;
}

customElements.define("lapel-desk", LapelDesk);
