// bowline loads this file into the node programs of one service, through NODE_OPTIONS, because one of them asks for a
// port of its own instead of the one reserved for it. `plan` is written in front of it:
//
//   to      the reserved port
//   ports   the ports that the service is known to ask for
//   first   whether only the first HTTP server on one of `ports` is moved
//   taken   whether the first HTTP server whose own port is taken is moved
//   never   ports that are never the service's own
//   claim   where the processes of the service agree which port that was
//
// It may run in package managers, watchers, workers and any other node program: it does one thing and never throws.
(() => {
  'use strict';
  let net;
  try {
    net = require('net');
  } catch (_) {
    return;
  }
  const original = net.Server.prototype.listen;

  // The port that a call of listen() asks for; undefined for pipes, handles and descriptors.
  function requested(args) {
    const [first] = args;
    if (args.length === 0 || first === undefined || first === null || typeof first === 'function') return 0;
    const isOptions = typeof first === 'object';
    if (isOptions && (first._handle || first.handle || first.fd >= 0)) return undefined;
    const port = isOptions ? first.port : first;
    if (isOptions && (port === null || (port === undefined && 'port' in first))) return 0;
    if (typeof port !== 'number' && typeof port !== 'string') return undefined;
    const number = Number(port);
    return number >= 0 ? number : undefined;
  }

  function moved(args) {
    const [first, ...rest] = args;
    if (args.length === 0 || typeof first === 'function') return [plan.to, ...args];
    if (typeof first !== 'object' || first === null) return [plan.to, ...rest];
    const options = Object.assign(Object.create(Object.getPrototypeOf(first)), first);
    Object.defineProperty(options, 'port', { value: plan.to, enumerable: true, configurable: true, writable: true });
    return [options, ...rest];
  }

  function speaksHttp(server) {
    if (server.listenerCount('request') > 0 || server.listenerCount('stream') > 0) return true;
    return server instanceof require('http').Server || server instanceof require('https').Server;
  }

  // A link is made whole or not at all, and by one process only.
  let agreed;
  function claims(port) {
    const fs = require('fs');
    try {
      if (agreed === undefined) fs.symlinkSync(String(port), plan.claim);
    } catch (_) {
      // Another one was faster, or nothing can be written here.
    }
    try {
      agreed = fs.readlinkSync(plan.claim);
    } catch (_) {
      return false;
    }
    return agreed === String(port);
  }

  // Port 0 stands for a different port each time: one server of a process can be meant by it.
  let anyPortMoved = false;
  function isMeant(server, port) {
    if (port === undefined || !plan.ports.includes(port)) return false;
    if (!plan.first) return true;
    if (!speaksHttp(server) || (port === 0 && anyPortMoved) || !claims(port)) return false;
    anyPortMoved = anyPortMoved || port === 0;
    return true;
  }

  // Listens in one way, and in the other should that port be taken and `isWanted` say so.
  function listenUnlessTaken(server, args, otherwise, isWanted) {
    const inherited = server.emit;
    const isOwn = Object.prototype.hasOwnProperty.call(server, 'emit');
    function restore() {
      if (server.emit !== watching) return;
      if (isOwn) server.emit = inherited;
      else delete server.emit;
    }
    function watching(event, error) {
      if (event === 'listening' || event === 'close' || event === 'error') restore();
      const isTaken = event === 'error' && error && error.code === 'EADDRINUSE';
      if (!isTaken || !isWanted()) return inherited.apply(this, arguments);
      // Its callbacks are listeners already.
      original.apply(server, otherwise.filter((argument) => typeof argument !== 'function'));
      return true;
    }
    server.emit = watching;
    try {
      return original.apply(server, args);
    } catch (error) {
      restore();
      throw error;
    }
  }

  // A program that looks for a free port by itself finds that of a server which was moved free, and asks for it again for
  // its next server. The same port on another address belongs to the first one, though.
  let mine;
  function move(server, args) {
    const isSecond = mine !== undefined && mine !== server && mine.listening;
    if (isSecond) return listenUnlessTaken(server, moved(args), args, () => true);
    mine = server;
    return original.apply(server, moved(args));
  }

  // A program that asks for the reserved port has no other listener that belongs there.
  let obeys = false;
  net.Server.prototype.listen = function listen(...args) {
    const port = requested(args);
    obeys = obeys || port === plan.to;
    if (obeys) return original.apply(this, args);
    if (isMeant(this, port)) return move(this, args);
    const mayBeTaken = plan.taken && port && port !== plan.to && !plan.never.includes(port);
    if (mayBeTaken && speaksHttp(this)) return listenUnlessTaken(this, args, moved(args), () => claims(port));
    return original.apply(this, args);
  };
})();
