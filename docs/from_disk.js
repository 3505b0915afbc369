// Browsers allow no workers on pages opened from disk. The search needs one: here its script runs in a hidden frame.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super();
      const waiting = [];
      const frame = document.createElement("iframe");
      frame.hidden = true;
      const send = (data) => {
        const event = new MessageEvent("message", { data });
        this.dispatchEvent(event);
        if (this.onmessage) this.onmessage(event);
      };
      const answer = (event) => { if (event.source === frame.contentWindow) send(event.data); };
      window.addEventListener("message", answer);
      this.postMessage = (data) => waiting.push(data);
      this.terminate = () => { window.removeEventListener("message", answer); frame.remove(); };
      frame.onload = () => {
        this.postMessage = (data) => frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }));
        waiting.forEach((data) => this.postMessage(data));
      };
      document.body.append(frame);
      const inside = frame.contentDocument;
      const bridge = inside.createElement("script");
      bridge.textContent = `
        postMessage = (data) => parent.postMessage(data, "*");
        importScripts = (...all) => all.reduce((last, source) => last.then(() => new Promise((done) => {
          const script = document.createElement("script");
          script.src = new URL(source, ${JSON.stringify(String(url))});
          script.onload = done;
          document.body.append(script);
        })), Promise.resolve());`;
      const script = inside.createElement("script");
      script.src = url;
      script.onload = frame.onload;
      inside.body.append(bridge, script);
    }
  };
}
