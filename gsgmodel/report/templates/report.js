"use strict";
/* Everything that came from outside becomes text (textContent), never markup. */
const PAGE_ROWS = 50, BINS = 50;
const byId = (id) => document.getElementById(id);
const SVG = "http://www.w3.org/2000/svg";

function element(kind, text, attributes = {}) {
  const made = document.createElement(kind);
  if (text !== undefined && text !== null) made.textContent = String(text);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function drawn(kind, attributes, text) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  if (text !== undefined) made.textContent = text;
  return made;
}

async function unpack(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return JSON.parse(await new Response(stream).text());
}

const COLUMNS = [
  { key: "score", title: "score", number: true, text: (data, row) => data.score[row] === null ? "" : data.score[row].toFixed(4) },
  { key: "name", title: "video", text: (data, row) => data.prefix + data.names[row] },
  { key: "status", title: "status", text: (data, row) => data.status.words[data.status.places[row]] },
  { key: "num_faces", title: "faces", number: true, text: (data, row) => data.num_faces[row] ?? "" },
  { key: "num_clips", title: "clips", number: true, text: (data, row) => data.num_clips[row] ?? "" },
  { key: "duration_s", title: "seconds", number: true, text: (data, row) => data.duration_s[row] ?? "" },
  { key: "reason", title: "reason", text: (data, row) => data.reason.words[data.reason.places[row]] },
];

function valueOf(data, key, row) {
  if (key === "name") return data.names[row];
  return key === "status" || key === "reason" ? data[key].words[data[key].places[row]] : data[key][row];
}

class Report {
  constructor(data) {
    this.data = data;
    this.threshold = data.threshold;
    this.sort = { key: "score", down: true };
    this.page = 0;
    this.all = data.names.map((_, row) => row);
    this.scores = data.score.filter((score) => score !== null).sort((one, two) => one - two);
    this.lower = data.names.map((name) => name.toLowerCase());
  }

  start() {
    for (const part of document.querySelectorAll(".scripted")) part.hidden = false;
    for (const word of [...this.data.status.words].sort()) byId("status").append(element("option", word, { value: word }));
    this.headers();
    const slider = byId("threshold"), number = byId("threshold-number");
    for (const each of [slider, number]) {
      each.value = this.threshold;
      each.addEventListener("input", () => {
        const value = Number(each.value);
        if (each.value === "" || !(value >= 0 && value <= 1)) return;
        this.threshold = value;
        (each === slider ? number : slider).value = value;
        this.moved();
      });
    }
    for (const name of ["filter", "status", "verdict"]) byId(name).addEventListener("input", () => this.choose());
    byId("previous").addEventListener("click", () => this.turn(-1));
    byId("next").addEventListener("click", () => this.turn(1));
    byId("close").addEventListener("click", () => byId("detail").close());
    this.moved();
  }

  headers() {
    for (const column of COLUMNS) {
      const cell = element("th", null, { scope: "col", class: column.number ? "number" : "" });
      const button = element("button", column.title, { type: "button" });
      button.addEventListener("click", () => {
        this.sort = { key: column.key, down: this.sort.key === column.key ? !this.sort.down : Boolean(column.number) };
        this.choose();
      });
      cell.append(button);
      document.querySelector("#table thead tr").append(cell);
    }
  }

  /* How many scores are at the threshold or above: scores are sorted, so half of them are left out each time. */
  flagged() {
    let low = 0, high = this.scores.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.scores[middle] >= this.threshold) high = middle; else low = middle + 1;
    }
    return this.scores.length - low;
  }

  moved() {
    const flagged = this.flagged(), total = this.scores.length;
    byId("flagged").textContent = flagged.toLocaleString("en");
    const share = total ? ` (${(100 * flagged / total).toFixed(1)} %)` : "";
    byId("at-threshold").textContent = `${flagged.toLocaleString("en")} of ${total.toLocaleString("en")} at ${this.threshold} or above${share}`;
    this.histogram();
    this.choose();
  }

  histogram() {
    const counts = new Array(BINS).fill(0);
    for (const score of this.scores) counts[Math.min(BINS - 1, Math.floor(score * BINS))] += 1;
    const most = Math.max(1, ...counts), width = 1000, height = 180, bar = width / BINS;
    const svg = drawn("svg", { viewBox: `0 -14 ${width} ${height + 34}`, role: "img",
      "aria-label": `Histogram of ${this.scores.length} scores; most in one of ${BINS} bins: ${most}` });
    counts.forEach((count, bin) => {
      const tall = height * count / most, is_fake = (bin + 0.5) / BINS >= this.threshold;
      const made = drawn("rect", { x: bin * bar + 1, y: height - tall, width: bar - 2, height: tall,
        fill: is_fake ? "var(--fake)" : "var(--bar)" });
      made.append(drawn("title", {}, `${(bin / BINS).toFixed(2)} to ${((bin + 1) / BINS).toFixed(2)}: ${count}`));
      svg.append(made);
    });
    svg.append(drawn("line", { x1: 0, x2: width, y1: height, y2: height, stroke: "var(--line)" }));
    svg.append(drawn("line", { x1: this.threshold * width, x2: this.threshold * width, y1: -12, y2: height, stroke: "var(--ink)", "stroke-width": 2 }));
    for (let tenth = 0; tenth <= 10; tenth += 1) {
      const anchor = tenth === 0 ? "start" : tenth === 10 ? "end" : "middle";
      svg.append(drawn("text", { x: tenth * width / 10, y: height + 16, "text-anchor": anchor }, (tenth / 10).toFixed(1)));
    }
    svg.append(drawn("text", { x: 2, y: 0 }, `${most}`));
    byId("histogram").replaceChildren(svg);
  }

  choose() {
    const data = this.data, wanted = byId("filter").value.toLowerCase();
    const status = byId("status").value, verdict = byId("verdict").value;
    const reasons = data.reason.words.map((word) => word.toLowerCase().includes(wanted));
    const prefix = data.prefix.toLowerCase();
    const in_prefix = prefix.includes(wanted);
    this.rows = this.all.filter((row) => {
      if (status && data.status.words[data.status.places[row]] !== status) return false;
      const score = data.score[row];
      if (verdict && (score === null || (score >= this.threshold) !== (verdict === "fake"))) return false;
      if (!wanted || in_prefix || this.lower[row].includes(wanted) || reasons[data.reason.places[row]]) return true;
      return wanted.includes("/") && (prefix + this.lower[row]).includes(wanted);
    });
    const { key, down } = this.sort, sign = down ? -1 : 1;
    const values = this.rows.map((row) => [valueOf(data, key, row), row]);
    values.sort(([one, first], [two, second]) => {
      if (one === null || two === null) return (one === null) - (two === null) || first - second;
      return one < two ? -sign : one > two ? sign : first - second;
    });
    this.rows = values.map(([, row]) => row);
    this.page = 0;
    this.show();
  }

  turn(by) {
    this.page += by;
    this.show();
  }

  show() {
    const pages = Math.max(1, Math.ceil(this.rows.length / PAGE_ROWS));
    const body = document.querySelector("#table tbody");
    const first = this.page * PAGE_ROWS;
    body.replaceChildren(...this.rows.slice(first, first + PAGE_ROWS).map((row) => this.line(row)));
    byId("shown").textContent = `${this.rows.length.toLocaleString("en")} of ${this.all.length.toLocaleString("en")} videos`;
    byId("page").textContent = `page ${this.page + 1} of ${pages}`;
    byId("previous").disabled = this.page === 0;
    byId("next").disabled = this.page >= pages - 1;
    document.querySelectorAll("#table th").forEach((cell, place) => {
      const is_sorted = COLUMNS[place].key === this.sort.key;
      cell.setAttribute("aria-sort", is_sorted ? (this.sort.down ? "descending" : "ascending") : "none");
    });
  }

  line(row) {
    const made = element("tr"), score = this.data.score[row];
    for (const column of COLUMNS) {
      const cell = element("td", null, { class: column.number ? "number" : column.key === "status" ? "" : "name" });
      const text = column.text(this.data, row);
      if (column.key === "name") {
        const button = element("button", text, { type: "button", class: "link", dir: "auto" });
        button.addEventListener("click", () => this.detail(row));
        cell.append(button);
      } else {
        cell.textContent = text;
        if (column.key === "score" && score !== null && score >= this.threshold) cell.classList.add("fake");
      }
      made.append(cell);
    }
    return made;
  }

  detail(row) {
    const data = this.data, body = byId("detail-body"), facts = element("dl");
    byId("detail-title").textContent = data.prefix + data.names[row];
    const known = {
      status: data.status.words[data.status.places[row]],
      reason: data.reason.words[data.reason.places[row]],
      score: data.score[row], "global stream": data.score_global[row], "fusion stream": data.score_fusion[row],
      faces: data.num_faces[row], clips: data.num_clips[row], seconds: data.duration_s[row],
      picture: data.width_px[row] ? `${data.width_px[row]} x ${data.height_px[row]} px, ${data.codec.words[data.codec.places[row]]}` : "",
      bytes: data.size_bytes[row]?.toLocaleString("en"),
      notes: data.notes.words[data.notes.places[row]],
    };
    for (const [name, value] of Object.entries(known)) {
      if (value === null || value === undefined || value === "") continue;
      facts.append(element("dt", name), element("dd", value));
    }
    body.replaceChildren(facts);
    if (row < data.faces.length && data.faces[row].length) body.append(this.timeline(data.faces[row]));
    const pictured = data.pictured[row];
    if (pictured) {
      const link = element("a", "pictures", { href: `#video-${pictured}` });
      link.addEventListener("click", () => byId("detail").close());
      body.append(link);
    }
    byId("detail").showModal();
    byId("detail-title").focus();
  }

  /* A lane for each face: clips as bars as high as their scores, frames as dots. */
  timeline(clips) {
    const tracks = [...new Set(clips.map((clip) => clip[0]))], lane = 70, width = 1000;
    const end = Math.max(...clips.map((clip) => clip[2]), 0.001);
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${tracks.length * lane + 20}`, role: "img",
      "aria-label": `Scores over time of ${tracks.length} faces in ${clips.length} clips` });
    tracks.forEach((track, place) => {
      const floor = (place + 1) * lane - 8, tall = lane - 20;
      svg.append(drawn("line", { x1: 0, x2: width, y1: floor, y2: floor, stroke: "var(--line)" }));
      svg.append(drawn("text", { x: 2, y: floor - tall - 2 }, `face ${track}`));
      for (const [, from, to, score, frames] of clips.filter((clip) => clip[0] === track)) {
        const bar = drawn("rect", { x: width * from / end, width: Math.max(2, width * (to - from) / end - 1), y: floor - tall * score,
          height: tall * score, fill: score >= this.threshold ? "var(--fake)" : "var(--bar)", opacity: 0.6 });
        bar.append(drawn("title", {}, `${from} to ${to} s: ${score}`));
        svg.append(bar);
        for (const [time, value] of frames) {
          svg.append(drawn("circle", { cx: Math.min(width - 3, width * time / end), cy: floor - tall * value, r: 3, fill: "var(--ink)" }));
        }
      }
      svg.append(drawn("line", { x1: 0, x2: width, y1: floor - tall * this.threshold, y2: floor - tall * this.threshold, stroke: "var(--soft)", "stroke-dasharray": "4 4" }));
    });
    svg.append(drawn("text", { x: 0, y: tracks.length * lane + 14 }, "0 s"));
    svg.append(drawn("text", { x: width, y: tracks.length * lane + 14, "text-anchor": "end" }, `${end.toFixed(1)} s`));
    return svg;
  }
}

byId("theme").addEventListener("click", () => {
  const root = document.documentElement;
  const is_dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = is_dark ? "light" : "dark";
});
unpack(byId("data").textContent.trim()).then((data) => new Report(data).start());
