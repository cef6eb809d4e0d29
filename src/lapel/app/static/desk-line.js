// When is what hidden? A line for each track over the length of the clip; the list beside it says the same in words.

const SVG = "http://www.w3.org/2000/svg";
const ROW = 12;

export class Line {
  constructor(desk) {
    this.desk = desk;
    this.box = desk.querySelector("[data-line]");
    this.svg = this.box.querySelector("svg");
    this.box.addEventListener("pointerdown", (e) => { this.box.setPointerCapture(e.pointerId); this.to(e); });
    this.box.addEventListener("pointermove", (e) => { if (e.buttons) this.to(e); });
    this.box.addEventListener("keydown", (e) => {
      const place = { Home: 0, End: desk.lengthUs }[e.key];
      if (place !== undefined) { e.preventDefault(); desk.seek(place); }
    });
  }

  to(event) {
    const bounds = this.svg.getBoundingClientRect();
    this.desk.seek(((event.clientX - bounds.left) / bounds.width) * this.desk.lengthUs);
    const id = event.type === "pointerdown" && event.target.dataset.track;
    if (id) this.desk.choose(id, { seek: false });
  }

  draw() {
    const { desk, svg } = this;
    const rows = [...desk.plan.tracks].sort((a, b) => a.begins_us - b.begins_us);
    const sound = desk.plan.sound;
    const height = (rows.length + (sound.length ? 1 : 0)) * ROW + ROW;
    svg.setAttribute("viewBox", `0 0 1000 ${height}`);
    svg.style.height = `${height}px`;
    svg.replaceChildren();
    rows.forEach((track, i) => this.bar(track, i * ROW, `line-${track.state}${track.id === desk.chosen ? " line-chosen" : ""}`, track.id));
    for (const span of sound) this.bar(span, rows.length * ROW, `line-${span.state} line-sound`);
    for (const suspect of desk.plan.suspects) this.mark(suspect, height - ROW);
    this.headline = this.rect({ class: "line-head", x: 0, y: 0, width: 2, height });
    this.head();
  }

  bar(span, y, kind, id) {
    const bar = this.rect({ class: kind, x: this.x(span.begins_us), y: y + 2, width: Math.max(2, this.x(span.ends_us) - this.x(span.begins_us)), height: ROW - 4 });
    if (id) bar.dataset.track = id;
  }

  mark(suspect, y) { this.rect({ class: suspect.looked !== "open" ? "line-looked" : "line-suspect", x: this.x(suspect.begins_us), y, width: 3, height: ROW }); }

  x(us) { return (1000 * us) / (this.desk.lengthUs || 1); }

  rect(facts) {
    const made = document.createElementNS(SVG, "rect");
    for (const [key, value] of Object.entries(facts)) made.setAttribute(key, value);
    this.svg.append(made);
    return made;
  }

  head() {
    this.headline?.setAttribute("x", Math.min(998, this.x(this.desk.nowUs)));
    this.box.setAttribute("aria-valuenow", Math.round(this.desk.nowUs / 1e6));
  }
}
