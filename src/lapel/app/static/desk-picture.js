// What is drawn on the picture? Every track where it is now, the chosen one with handles, and new ones by hand.

const SVG = "http://www.w3.org/2000/svg";

// The box of a track at an instant, grown as it will be hidden; null outside the track or while it is out of sight.
export function boxAt(track, at) {
  if (at < track.begins_us || at > track.ends_us || !track.keyframes.length) return null;
  const frames = track.keyframes;
  let after = frames.findIndex((k) => k.at_us >= at);
  if (after < 0) after = frames.length - 1;
  const b = frames[after], a = frames[after > 0 && b.at_us > at ? after - 1 : after];
  if (a.hidden) return null;
  const share = b.at_us > a.at_us ? Math.min(1, Math.max(0, (at - a.at_us) / (b.at_us - a.at_us))) : 0;
  const to = b.hidden ? a : b;
  const mix = (name) => a[name] + (to[name] - a[name]) * share;
  return { x: mix("x"), y: mix("y"), w: mix("w"), h: mix("h") };
}

const element = (name, facts, parent) => {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
  parent.append(made);
  return made;
};

export class Picture {
  constructor(desk) {
    this.desk = desk;
    this.svg = desk.querySelector("svg[data-picture]");
    this.drawing = false;
    this.held = null; // { kind: move | size | draw, from, box }
    this.svg.addEventListener("pointerdown", (e) => this.down(e));
    this.svg.addEventListener("pointermove", (e) => this.move(e));
    this.svg.addEventListener("pointerup", () => this.up());
    this.svg.addEventListener("pointercancel", () => { this.held = null; this.draw(); });
  }

  draw() {
    const { desk } = this;
    this.svg.replaceChildren();
    const ground = element("g", desk.dataset.turn ? { transform: desk.dataset.turn } : {}, this.svg);
    this.ground = ground;
    for (const track of desk.plan.tracks) {
      const chosen = track.id === desk.chosen;
      const box = chosen && this.held ? this.held.box : boxAt(track, desk.nowUs);
      if (box && (track.state !== "rejected" || chosen)) this.shape(ground, track, box, chosen);
    }
    if (this.held?.kind === "draw") this.shape(ground, { id: "", kind: "face", shape: "box", state: "proposed", grow_milli: 1000 }, this.held.box, true);
  }

  shape(ground, track, box, chosen) {
    const grow = (track.grow_milli ?? 1000) / 1000;
    const cx = box.x + box.w / 2, cy = box.y + box.h / 2, w = box.w * grow, h = box.h * grow;
    const group = element("g", { class: `mask mask-${track.state}${chosen ? " mask-chosen" : ""}`, "data-track": track.id }, ground);
    if (track.shape === "ellipse") element("ellipse", { cx, cy, rx: w / 2, ry: h / 2 }, group);
    else element("rect", { x: cx - w / 2, y: cy - h / 2, width: w, height: h }, group);
    if (chosen) {
      const size = Math.max(10, this.desk.plan.width / 90);
      element("rect", { class: "grip", "data-grip": "size", x: box.x + box.w - size / 2, y: box.y + box.h - size / 2, width: size, height: size }, group);
      if (track.id) element("text", { x: cx - w / 2, y: cy - h / 2 - 6, "font-size": Math.max(14, this.desk.plan.width / 60) }, group).textContent = track.id;
    }
  }

  at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(this.ground.getScreenCTM().inverse());
    return { x: Math.round(point.x), y: Math.round(point.y) };
  }

  down(event) {
    const { desk } = this;
    if (!desk.open) return;
    const from = this.at(event);
    this.svg.setPointerCapture(event.pointerId);
    if (this.drawing) {
      this.held = { kind: "draw", from, box: { ...from, w: 1, h: 1 } };
      return;
    }
    const id = event.target.closest("[data-track]")?.dataset.track;
    if (!id) return;
    desk.video.pause();
    desk.choose(id, { seek: false });
    const box = boxAt(desk.track(id), desk.nowUs);
    if (box) this.held = { kind: event.target.dataset.grip ?? "move", from, start: box, box };
  }

  move(event) {
    if (!this.held) return;
    const { from, start, kind } = this.held, to = this.at(event), dx = to.x - from.x, dy = to.y - from.y;
    if (kind === "draw") this.held.box = { x: Math.min(from.x, to.x), y: Math.min(from.y, to.y), w: Math.max(1, Math.abs(dx)), h: Math.max(1, Math.abs(dy)) };
    else if (kind === "move") this.held.box = { ...start, x: start.x + dx, y: start.y + dy };
    else this.held.box = { ...start, w: Math.max(2, start.w + dx), h: Math.max(2, start.h + dy) };
    this.moved = true;
    this.draw();
  }

  up() {
    const held = this.held;
    this.held = null;
    if (held && this.moved) {
      const at_us = this.desk.nowUs, box = this.inside(held.box);
      if (held.kind === "draw") { if (box.w > 3 && box.h > 3) this.add(box); }
      else this.desk.edit({ op: "keyframe", track: this.desk.chosen, at_us, ...box });
    }
    this.moved = false;
    this.draw();
  }

  inside(box) {
    const { width, height } = this.desk.plan;
    const w = Math.min(width, Math.max(2, Math.round(box.w))), h = Math.min(height, Math.max(2, Math.round(box.h)));
    return { x: Math.min(width - w, Math.max(0, Math.round(box.x))), y: Math.min(height - h, Math.max(0, Math.round(box.y))), w, h };
  }

  add(box) {
    this.stopDrawing();
    const kind = this.desk.querySelector("[data-new-kind]").value;
    this.desk.edit({ op: "add", kind, at_us: this.desk.nowUs, ...box });
  }

  startDrawing() {
    this.drawing = true;
    this.desk.classList.add("drawing");
    this.desk.says.textContent = "Drag over what is to be hidden. Without a pointer: press Enter for a box in the middle, then Alt and the arrow keys. Escape ends.";
    this.svg.focus();
    this.svg.onkeydown = (e) => {
      if (e.key !== "Enter" || !this.drawing) return;
      const { width, height } = this.desk.plan;
      this.add(this.inside({ x: width * 0.4, y: height * 0.4, w: width * 0.2, h: height * 0.2 }));
    };
  }

  stopDrawing() { this.drawing = false; this.desk.classList.remove("drawing"); }

  keyHere() {
    const track = this.desk.track(this.desk.chosen), box = track && boxAt(track, this.desk.nowUs);
    if (box) this.desk.edit({ op: "keyframe", track: track.id, at_us: this.desk.nowUs, ...this.inside(box) });
  }

  // Alt and arrows move the chosen box, with Shift they size it; it is sent when the keys rest.
  nudge(event) {
    const step = Math.max(2, Math.round(this.desk.plan.width / 200));
    const way = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] }[event.key];
    const track = this.desk.track(this.desk.chosen);
    const box = this.held?.box ?? (track && boxAt(track, this.desk.nowUs));
    if (!way || !box || !this.desk.open) return false;
    const [dx, dy] = way;
    const next = event.shiftKey ? { ...box, w: box.w + dx, h: box.h + dy } : { ...box, x: box.x + dx, y: box.y + dy };
    this.held = { kind: "move", box: this.inside(next) };
    this.moved = true;
    this.draw();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.up(), 500);
    return true;
  }
}
