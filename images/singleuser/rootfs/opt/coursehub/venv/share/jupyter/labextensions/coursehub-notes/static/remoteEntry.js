// Shows the notes of {base}/coursehub/notes as JupyterLab's notifications. Written by hand in the form that JupyterLab
// loads, a container of webpack's module federation, so that the image needs no JavaScript build.
"use strict";
(() => {
  // From one look to the next, where the server does not say.
  const SECONDS = 30;
  // JupyterLab cuts longer messages off.
  const LONGEST = 140;
  const REMEMBERED = 100;
  let shared;

  // What JupyterLab itself has loaded under this name.
  const library = async (name) => {
    const versions = Object.values(shared[name]);
    return (await (versions.find((each) => each.loaded) ?? versions[0]).get())();
  };

  // The notes that somebody dismissed in this browser.
  class Dismissed {
    constructor(base) {
      this.key = `coursehub-notes:${base}`;
    }
    ids() {
      try {
        const found = JSON.parse(localStorage.getItem(this.key));
        return Array.isArray(found) ? found : [];
      } catch {
        return [];
      }
    }
    add(id) {
      try {
        const others = this.ids().filter((each) => each !== id);
        localStorage.setItem(this.key, JSON.stringify([...others, id].slice(-REMEMBERED)));
      } catch {
        // A browser that keeps nothing shows it again after the next reload.
      }
    }
  }

  class Board {
    constructor(app, { Notification, Dialog, showDialog }, { ServerConnection }) {
      Object.assign(this, { Notification, Dialog, showDialog, ServerConnection });
      this.settings = app.serviceManager.serverSettings;
      this.url = `${this.settings.baseUrl}coursehub/notes`;
      this.dismissed = new Dismissed(this.settings.baseUrl);
      // By the note's id: the notification's, and what it says.
      this.shown = new Map();
      // Notes with something to do that were put away; they are remembered as long as they last.
      this.away = new Set();
      // Of two looks at once, the answer to the earlier one may come last, when it holds no more.
      this.asked = 0;
      this.heard = 0;
      Notification.manager.changed.connect((_, change) => this.removed(change));
    }

    async look() {
      const asked = ++this.asked;
      const response = await this.ServerConnection.makeRequest(this.url, { cache: "no-store" }, this.settings);
      if (!response.ok) {
        return;
      }
      const { notes } = await response.json();
      if (asked < this.heard) {
        return;
      }
      this.heard = asked;
      const there = new Set(notes.map((note) => note.id));
      for (const id of [...this.shown.keys()].filter((each) => !there.has(each))) {
        this.takeDown(id);
      }
      this.away = new Set([...this.away].filter((id) => there.has(id)));
      const gone = new Set([...this.dismissed.ids(), ...this.away]);
      for (const note of notes.filter((each) => !gone.has(each.id))) {
        this.show(note);
      }
    }

    show(note) {
      const said = JSON.stringify(note);
      const shown = this.shown.get(note.id);
      if (shown?.said === said) {
        return;
      }
      const options = { autoClose: false, actions: this.actions(note) };
      if (shown) {
        shown.said = said;
        this.Notification.update({ id: shown.notification, message: note.text, type: note.level, ...options });
      } else {
        const notification = this.Notification.emit(note.text, note.level, options);
        this.shown.set(note.id, { notification, said });
      }
    }

    actions(note) {
      const open = (url) => window.open(url, "_blank", "noopener,noreferrer");
      const stay = (callback) => (event) => {
        event.preventDefault();
        callback();
      };
      const actions = (note.links ?? [])
        .filter(({ url }) => /^(https?:\/\/|mailto:)/.test(url))
        .map(({ label, url }) => ({ label, caption: url, displayType: "link", callback: stay(() => open(url)) }));
      if (note.text.length > LONGEST) {
        actions.push({ label: "Read all", callback: stay(() => this.whole(note)) });
      }
      if (note.action) {
        actions.push({ label: note.action.label, displayType: "accent", callback: () => void this.act(note.id).catch(console.debug) });
      } else {
        actions.push({ label: "Dismiss", callback: () => undefined });
      }
      return actions;
    }

    whole(note) {
      const buttons = [this.Dialog.okButton({ label: "Close" })];
      void this.showDialog({ title: "Note", body: note.text, buttons });
    }

    async act(id) {
      const url = `${this.url}/${encodeURIComponent(id)}`;
      try {
        await this.ServerConnection.makeRequest(url, { method: "POST", body: "{}" }, this.settings);
      } finally {
        // Where it did not help, the note is still there and comes back.
        this.away.delete(id);
        await this.look();
      }
    }

    takeDown(id) {
      const { notification } = this.shown.get(id);
      this.shown.delete(id);
      this.Notification.dismiss(notification);
    }

    removed({ type, notification }) {
      if (type !== "removed") {
        return;
      }
      for (const [id, shown] of this.shown) {
        if (shown.notification === notification.id) {
          this.shown.delete(id);
          if (JSON.parse(shown.said).action) {
            this.away.add(id);
          } else {
            this.dismissed.add(id);
          }
        }
      }
    }
  }

  const follow = async (app) => {
    await app.started;
    const board = new Board(app, await library("@jupyterlab/apputils"), await library("@jupyterlab/services"));
    const look = () => board.look().catch((error) => console.debug("coursehub-notes:", error));
    const { PageConfig } = await library("@jupyterlab/coreutils");
    setInterval(look, (Number(PageConfig.getOption("coursehubNotesSeconds")) || SECONDS) * 1000);
    // Browsers slow timers down in tabs that nobody sees.
    document.addEventListener("visibilitychange", () => void (document.hidden || look()));
    await look();
  };

  const plugin = {
    id: "coursehub-notes:plugin",
    description: "Shows what the hub and the server have to tell.",
    autoStart: true,
    // JupyterLab starts when all plugins are active, so this is not to wait for it here.
    activate: (app) => void follow(app),
  };

  window._JUPYTERLAB ??= {};
  window._JUPYTERLAB["coursehub-notes"] = {
    init: (scope) => {
      shared = scope;
    },
    get: async () => () => ({ __esModule: true, default: plugin }),
  };
})();
