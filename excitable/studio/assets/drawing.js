// Plots on a canvas: axes, lines reduced to what a screen can show, points.

class Plot {
  constructor(parent, { label, x, y, height }) {
    this.frame = element("figure", { class: "plot" }, parent);
    this.caption = element("figcaption", { text: label }, this.frame);
    this.box = element("div", { class: "box", style: `height:${height}px` }, this.frame);
    this.canvas = element("canvas", { role: "img", "aria-label": label }, this.box);
    this.context = this.canvas.getContext("2d");
    this.names = { x, y };
    this.height = height;
  }

  // Takes the width that layout gave it; called when the page is laid out anew, never while dragging.
  fit() {
    this.width = Math.max(120, this.box.clientWidth);
    this.ratio = Math.min(2, window.devicePixelRatio || 1);
    this.canvas.width = Math.round(this.width * this.ratio);
    this.canvas.height = Math.round(this.height * this.ratio);
  }

  begin([xLow, xHigh], [yLow, yHigh], colours) {
    if (!this.width) this.fit();
    this.colours = colours;
    this.range = { xLow, xHigh, yLow, yHigh };
    this.inner = { left: 44, right: this.width - 8, top: 6, bottom: this.height - 30 };
    this.scale = {
      x: (this.inner.right - this.inner.left) / (xHigh - xLow),
      y: (this.inner.bottom - this.inner.top) / (yHigh - yLow),
    };
    const c = this.context;
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    this.axes();
  }

  px(x) { return this.inner.left + (x - this.range.xLow) * this.scale.x; }
  py(y) { return this.inner.bottom - (y - this.range.yLow) * this.scale.y; }
  xAt(px) { return this.range.xLow + (px - this.inner.left) / this.scale.x; }
  yAt(py) { return this.range.yLow + (this.inner.bottom - py) / this.scale.y; }

  axes() {
    const [c, { left, right, top, bottom }] = [this.context, this.inner];
    c.font = "11px system-ui, sans-serif";
    c.strokeStyle = this.colours.grid;
    c.fillStyle = this.colours.muted;
    c.lineWidth = 1;
    c.beginPath();
    c.textAlign = "center";
    c.textBaseline = "top";
    for (const value of ticks(this.range.xLow, this.range.xHigh, (right - left) / 40)) {
      const x = Math.round(this.px(value)) + 0.5;
      c.moveTo(x, top);
      c.lineTo(x, bottom);
      if (x > left + 6 && x < right - 10) c.fillText(short(value), x, bottom + 3);
    }
    c.textAlign = "right";
    c.textBaseline = "middle";
    for (const value of ticks(this.range.yLow, this.range.yHigh, (bottom - top) / 32)) {
      const y = Math.round(this.py(value)) + 0.5;
      c.moveTo(left, y);
      c.lineTo(right, y);
      c.fillText(short(value), left - 4, y);
    }
    c.stroke();
    c.textAlign = "center";
    c.textBaseline = "bottom";
    c.fillText(this.names.x, (left + right) / 2, this.height - 1);
    c.save();
    c.translate(11, (top + bottom) / 2);
    c.rotate(-Math.PI / 2);
    c.fillText(this.names.y, 0, 0);
    c.restore();
  }

  clipped(draw) {
    const [c, { left, right, top, bottom }] = [this.context, this.inner];
    c.save();
    c.beginPath();
    c.rect(left, top, right - left, bottom - top);
    c.clip();
    draw(c);
    c.restore();
  }

  line(xs, ys, { colour, width = 1.5, dash = [] }) {
    this.clipped((c) => {
      c.strokeStyle = colour;
      c.lineWidth = width;
      c.setLineDash(dash);
      c.lineJoin = "round";
      c.beginPath();
      for (let k = 0; k < xs.length; k++) c.lineTo(this.px(xs[k]), this.py(ys[k]));
      c.stroke();
    });
  }

  // A long trace with evenly spaced samples: lowest and highest value of each pixel column.
  trace(values, step, { colour, width = 1.3 }) {
    this.clipped((c) => {
      c.strokeStyle = colour;
      c.lineWidth = width;
      c.beginPath();
      const each = Math.max(1, Math.floor(1 / (step * this.scale.x)));
      for (let k = 0; k < values.length; k += each) {
        let [low, high] = [Infinity, -Infinity];
        const end = Math.min(values.length, k + each);
        for (let i = k; i < end; i++) { if (values[i] < low) low = values[i]; if (values[i] > high) high = values[i]; }
        const x = this.px((k + (end - k) / 2 + 0.5) * step);
        const [a, b] = [this.py(Math.max(low, this.range.yLow - 1)), this.py(Math.min(high, this.range.yHigh + 1))];
        c.lineTo(x, a);
        if (each > 1) c.lineTo(x, b);
      }
      c.stroke();
    });
  }

  level(value, { colour, dash = [4, 3], vertical = false }) {
    const { xLow, xHigh, yLow, yHigh } = this.range;
    if (vertical) this.line([value, value], [yLow, yHigh], { colour, dash });
    else this.line([xLow, xHigh], [value, value], { colour, dash });
  }

  dot(x, y, { colour, hollow = false, size = 4 }) {
    this.clipped((c) => {
      c.setLineDash([]);
      c.lineWidth = 1.6;
      c.strokeStyle = colour;
      c.fillStyle = hollow ? this.colours.paper : colour;
      c.beginPath();
      c.arc(this.px(x), this.py(y), size, 0, 2 * Math.PI);
      c.fill();
      c.stroke();
    });
  }

  points(xs, ys, { colour, size = 2 }) {
    this.clipped((c) => {
      c.fillStyle = colour;
      for (let k = 0; k < xs.length; k++) c.fillRect(this.px(xs[k]) - size / 2, this.py(ys[k]) - size / 2, size, size);
    });
  }
}

function ticks(low, high, most) {
  const raw = (high - low) / Math.max(2, most);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = power * [1, 2, 5, 10].find((factor) => factor * power >= raw);
  const found = [];
  for (let k = Math.ceil(low / step); k * step <= high; k++) found.push(Number((k * step).toPrecision(10)));
  return found;
}

// Where a function of two variables is zero: segments of marching squares, as pairs of points.
function zeroLine(plot, [nx, ny], value) {
  const { xLow, xHigh, yLow, yHigh } = plot.range;
  const [dx, dy] = [(xHigh - xLow) / nx, (yHigh - yLow) / ny];
  const grid = Array.from({ length: ny + 1 }, (_, j) =>
    Float64Array.from({ length: nx + 1 }, (_, i) => value(xLow + i * dx, yLow + j * dy)));
  plot.clipped((c) => {
    c.beginPath();
    for (let j = 0; j < ny; j++) {
      for (let i = 0; i < nx; i++) {
        const corners = [[i, j], [i + 1, j], [i + 1, j + 1], [i, j + 1]];
        const cuts = [];
        for (let k = 0; k < 4; k++) {
          const [[ai, aj], [bi, bj]] = [corners[k], corners[(k + 1) % 4]];
          const [a, b] = [grid[aj][ai], grid[bj][bi]];
          if (a < 0 === b < 0) continue;
          const share = a / (a - b);
          cuts.push([plot.px(xLow + (ai + share * (bi - ai)) * dx), plot.py(yLow + (aj + share * (bj - aj)) * dy)]);
        }
        for (let k = 0; k + 1 < cuts.length; k += 2) { c.moveTo(...cuts[k]); c.lineTo(...cuts[k + 1]); }
      }
    }
    c.stroke();
  });
}

function element(tag, attributes = {}, parent = null) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else made.setAttribute(name, value);
  }
  if (parent) parent.append(made);
  return made;
}
