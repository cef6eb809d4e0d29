// Where was the camera at this moment? The trail on a map that needs no map service; where WebGL is missing the drawing stays.

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function at(points, t) {
  let i = points.findIndex((p) => p[0] > t);
  if (i < 0) return points.at(-1).slice(1);
  if (i === 0) return points[0].slice(1);
  const [a, b] = [points[i - 1], points[i]], part = (t - a[0]) / (b[0] - a[0] || 1);
  return [a[1] + part * (b[1] - a[1]), a[2] + part * (b[2] - a[2])];
}

class LapelTrail extends HTMLElement {
  connectedCallback() {
    this.points = JSON.parse(this.querySelector("script").textContent);
    this.drawing();
    const canvas = document.createElement("canvas");
    if (canvas.getContext("webgl2")) this.map().catch(() => {});
  }

  // The drawing's own marker moves along the line by the share of points that are past.
  drawing() {
    const svg = this.querySelector(".map > svg"), dot = svg.querySelector("[data-now]");
    const path = svg.querySelector("polyline").points;
    document.addEventListener("lapel:time", ({ detail }) => {
      const past = this.points.findLastIndex((p) => p[0] <= detail);
      const share = Math.max(0, past) / Math.max(1, this.points.length - 1);
      const point = path.getItem(Math.round(share * (path.numberOfItems - 1)));
      dot.setAttribute("cx", point.x);
      dot.setAttribute("cy", point.y);
    });
  }

  async map() {
    const { Map, NavigationControl, ScaleControl, LngLatBounds, setWorkerUrl } = await import("/static/npm/maplibre-gl/maplibre-gl.mjs");
    setWorkerUrl("/static/npm/maplibre-gl/maplibre-gl-worker.mjs");
    const line = this.points.map((p) => p.slice(1));
    const bounds = line.reduce((all, p) => all.extend(p), new LngLatBounds(line[0], line[0]));
    const feature = (type, coordinates) => ({ type: "geojson", data: { type: "Feature", properties: {}, geometry: { type, coordinates } } });
    const place = document.createElement("div");
    place.className = "map";
    place.hidden = true;
    this.append(place);
    place.hidden = false;
    const map = new Map({
      container: place, bounds, fitBoundsOptions: { padding: 40, maxZoom: 17 }, attributionControl: false, cooperativeGestures: true,
      style: {
        version: 8,
        sources: { way: feature("LineString", line), ends: feature("MultiPoint", [line[0], line.at(-1)]), now: feature("Point", line[0]) },
        layers: [
          { id: "ground", type: "background", paint: { "background-color": colour("--raised") } },
          { id: "way", type: "line", source: "way", layout: { "line-join": "round", "line-cap": "round" }, paint: { "line-color": colour("--clip"), "line-width": 4 } },
          { id: "ends", type: "circle", source: "ends", paint: { "circle-radius": 6, "circle-color": colour("--raised"), "circle-stroke-color": colour("--clip"), "circle-stroke-width": 3 } },
          { id: "now", type: "circle", source: "now", paint: { "circle-radius": 8, "circle-color": colour("--head"), "circle-stroke-color": colour("--raised"), "circle-stroke-width": 2 } },
        ],
      },
    });
    map.addControl(new NavigationControl({ showCompass: false }));
    map.addControl(new ScaleControl({ unit: "imperial" }));
    map.addControl(new ScaleControl({ unit: "metric" }));
    map.getCanvas().setAttribute("aria-label", "Map of the trail; the points are in the table below");
    map.on("load", () => {
      this.querySelector(".map > svg").closest(".map").hidden = true;
      document.addEventListener("lapel:time", ({ detail }) => {
        map.getSource("now").setData({ type: "Feature", properties: {}, geometry: { type: "Point", coordinates: at(this.points, detail) } });
      });
      this.dataset.map = "ready";
    });
  }
}

customElements.define("lapel-trail", LapelTrail);
