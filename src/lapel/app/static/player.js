// How are several clips watched as one line of time? A player, its keys, and a marker that moves along the trail.

import { isTyping } from "/static/lapel.js";

const two = (n) => String(n).padStart(2, "0");
const clock = (s) => {
  const whole = Math.floor(s), h = Math.floor(whole / 3600), m = Math.floor((whole % 3600) / 60);
  return h ? `${h}:${two(m)}:${two(whole % 60)}` : `${two(m)}:${two(whole % 60)}`;
};

class LapelPlayer extends HTMLElement {
  connectedCallback() {
    const said = JSON.parse(this.querySelector("script").textContent);
    this.clips = said.clips;
    this.length = Number(this.dataset.length);
    this.beginsAt = said.begins_at ? Date.parse(said.begins_at) : null;
    this.ofDay = new Intl.DateTimeFormat("en-US", {
      timeZone: said.zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23", timeZoneName: "short",
    });
    this.video = this.querySelector("video");
    this.video.controls = false;
    this.controls = this.querySelector(".controls");
    this.controls.hidden = false;
    this.index = 0;
    this.waitingFor = null;
    this.backwards = null;
    this.listen();
    this.slide();
    this.show();
  }

  get clip() { return this.clips[this.index]; }
  get now() { return this.waitingFor ?? this.clip.start_s + this.video.currentTime; }

  listen() {
    const v = this.video;
    v.addEventListener("timeupdate", () => this.show());
    v.addEventListener("play", () => this.classList.add("playing"));
    v.addEventListener("pause", () => this.classList.remove("playing"));
    for (const name of ["play", "pause"]) v.addEventListener(name, () => this.label());
    v.addEventListener("ended", () => { if (this.index + 1 < this.clips.length) this.open(this.index + 1, 0, true); });
    v.addEventListener("loadedmetadata", () => this.measured());
    v.addEventListener("error", () => this.failed());
    v.addEventListener("click", () => this.act("toggle"));
    this.querySelector("[data-speed]").addEventListener("change", (e) => { v.playbackRate = Number(e.target.value); });
    this.controls.addEventListener("click", (e) => {
      const act = e.target.closest("[data-act]")?.dataset.act;
      if (act) this.act(act);
    });
    document.addEventListener("click", (e) => {
      const seek = e.target.closest("[data-seek]");
      if (seek) { this.seek(Number(seek.dataset.seek)); this.scrollIntoView({ block: "nearest" }); }
    });
    document.addEventListener("keydown", (e) => this.key(e));
  }

  // A clip whose length nobody knew is measured when the browser has read its beginning.
  measured() {
    if (this.clip.end_s > this.clip.start_s || !Number.isFinite(this.video.duration)) return;
    const more = this.video.duration;
    this.clip.end_s += more;
    for (const later of this.clips.slice(this.index + 1)) { later.start_s += more; later.end_s += more; }
    this.length += more;
    this.show();
  }

  failed() {
    const says = this.querySelector(".screen-says");
    says.textContent = `Your browser cannot play this clip (${this.clip.codec || this.clip.type}). `;
    const link = document.createElement("a");
    link.href = this.clip.download;
    link.textContent = "Download the original";
    says.append(link);
    says.hidden = false;
  }

  open(index, offset, play) {
    this.index = index;
    const v = this.video, rate = v.playbackRate;
    this.querySelector(".screen-says").hidden = true;
    this.waitingFor = this.clip.start_s + offset;
    v.preload = "auto";
    v.src = this.clip.url;
    v.addEventListener("loadedmetadata", () => {
      v.currentTime = offset;
      v.playbackRate = rate;
      this.waitingFor = null;
      if (play) this.play();
      this.show();
    }, { once: true });
  }

  seek(to) {
    const t = Math.min(Math.max(0, to), this.length);
    // In a gap nothing was recorded: the clip after it begins.
    let index = this.clips.findIndex((c) => t < c.end_s);
    if (index < 0) index = this.clips.length - 1;
    const offset = Math.max(0, t - this.clips[index].start_s);
    const playing = !this.video.paused;
    if (index === this.index && this.video.readyState > 0) this.video.currentTime = offset;
    else this.open(index, offset, playing);
    this.show();
  }

  play() { this.video.play().catch(() => {}); }

  act(name) {
    const v = this.video, frame = this.clip.frame_s;
    if (name !== "backwards") this.stopBackwards();
    const acts = {
      toggle: () => (v.paused ? this.play() : v.pause()),
      back: () => this.seek(this.now - 5),
      on: () => this.seek(this.now + 5),
      "back-30": () => this.seek(this.now - 30),
      "on-30": () => this.seek(this.now + 30),
      "frame-back": () => { v.pause(); this.seek(this.now - frame); },
      "frame-on": () => { v.pause(); this.seek(this.now + frame); },
      faster: () => this.faster(),
      backwards: () => this.goBackwards(),
      bookmark: () => this.bookmark(),
      full: () => (document.fullscreenElement ? document.exitFullscreen() : this.requestFullscreen()),
      help: () => document.getElementById("keys").showModal(),
      category: () => document.getElementById("category-field").focus(),
    };
    acts[name]?.();
  }

  faster() {
    const v = this.video;
    v.playbackRate = v.paused ? 1 : Math.min(8, v.playbackRate * 2);
    this.querySelector("[data-speed]").value = String(v.playbackRate);
    this.play();
  }

  // No browser plays video backwards: small steps back look like it.
  goBackwards() {
    this.video.pause();
    this.backSpeed = this.backwards ? Math.min(8, this.backSpeed * 2) : 1;
    this.backwards ??= setInterval(() => {
      this.seek(this.now - 0.2 * this.backSpeed);
      if (this.now <= 0) this.stopBackwards();
    }, 200);
  }

  stopBackwards() {
    clearInterval(this.backwards);
    this.backwards = null;
  }

  bookmark() {
    this.video.pause();
    document.getElementById("b-at").value = this.now.toFixed(2);
    document.getElementById("b-words").focus();
  }

  key(event) {
    if (isTyping(event) || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    const arrow = event.ctrlKey ? "frame" : event.shiftKey ? "30" : "5";
    const keys = {
      k: "toggle", j: "backwards", l: "faster", b: "bookmark", c: "category", "?": "help", ",": "frame-back", ".": "frame-on",
      arrowleft: { frame: "frame-back", 30: "back-30", 5: "back" }[arrow],
      arrowright: { frame: "frame-on", 30: "on-30", 5: "on" }[arrow],
    };
    const pressed = event.key.toLowerCase();
    if (event.ctrlKey && !pressed.startsWith("arrow")) return;
    // Space on a button or a link is that button's own.
    const free = !event.target.closest("button, a, summary");
    const act = pressed === " " && free ? "toggle" : keys[pressed];
    if (!act) return;
    event.preventDefault();
    this.act(act);
  }

  slide() {
    const line = this.querySelector("[data-line]");
    line.tabIndex = 0;
    line.setAttribute("role", "slider");
    line.setAttribute("aria-label", "Place on the time line");
    line.setAttribute("aria-valuemin", "0");
    line.setAttribute("aria-valuemax", String(Math.round(this.length)));
    const to = (e) => {
      const box = line.getBoundingClientRect();
      this.seek(((e.clientX - box.left) / box.width) * this.length);
    };
    line.addEventListener("pointerdown", (e) => { line.setPointerCapture(e.pointerId); to(e); });
    line.addEventListener("pointermove", (e) => { if (e.buttons) to(e); });
    line.addEventListener("keydown", (e) => {
      const place = { Home: 0, End: this.length }[e.key];
      if (place !== undefined) { e.preventDefault(); this.seek(place); }
    });
  }

  label() {
    this.querySelector("[data-act=toggle]").setAttribute("aria-label", this.video.paused ? "Play" : "Pause");
  }

  show() {
    const t = this.now, line = this.querySelector("[data-line]");
    this.querySelector("[data-now]").textContent = clock(t);
    this.querySelector("[data-head]").setAttribute("x", String(Math.min(997, (1000 * t) / (this.length || 1))));
    line.setAttribute("aria-valuenow", String(Math.round(t)));
    line.setAttribute("aria-valuetext", `${clock(t)} of ${clock(this.length)}`);
    if (this.beginsAt !== null) this.querySelector("[data-clock]").textContent = this.ofDay.format(this.beginsAt + 1000 * t);
    document.dispatchEvent(new CustomEvent("lapel:time", { detail: t }));
  }
}

customElements.define("lapel-player", LapelPlayer);
if (document.querySelector("lapel-trail")) import("/static/trail.js");
document.addEventListener("keydown", (e) => {
  if (e.key.toLowerCase() === "c" && !document.querySelector("lapel-player") && !isTyping(e) && !e.ctrlKey && !e.metaKey && !e.altKey) {
    e.preventDefault();
    document.getElementById("category-field")?.focus();
  }
});
