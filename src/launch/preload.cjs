// bowline loads this file into the node and Bun programs of one service, through NODE_OPTIONS and BUN_OPTIONS, because one
// of them asks for a port of its own instead of the one reserved for it. `plan` is written in front of it:
//
//   to      the reserved port
//   ports   the ports that the service is known to ask for
//   first   whether only the first HTTP server on one of `ports` is moved
//   taken   whether the first HTTP server whose own port is taken is moved
//   never   ports that are never the service's own
//   claim   where the processes of the service agree which port that was
//   remark  where it is noted what became of a program that asks for the reserved port itself
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

  // Whether people may open it: no browser speaks HTTP/2 without TLS, and what only waits for upgrades is a socket's.
  function mayServePages(server) {
    if (!speaksHttp(server) || (server.constructor && server.constructor.name === 'Http2Server')) return false;
    return server.listenerCount('upgrade') === 0 || server.listenerCount('request') + server.listenerCount('stream') > 0;
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

  // The first remark stays.
  function remark(word) {
    try {
      require('fs').symlinkSync(word, plan.remark);
    } catch (_) {
      // There is one already, or nothing can be written here.
    }
  }

  function has(link, word) {
    try {
      const found = require('fs').readlinkSync(link);
      return word === undefined || found === word;
    } catch (_) {
      return false;
    }
  }

  // Port 0 stands for a different port each time: one server of a process can be meant by it.
  let anyPortMoved = false;
  function isMeant(server, port) {
    if (port === undefined || !plan.ports.includes(port)) return false;
    if (!plan.first) return true;
    if (!mayServePages(server) || (port === 0 && anyPortMoved) || !claims(port)) return false;
    anyPortMoved = anyPortMoved || port === 0;
    return true;
  }

  // Listens, and tells whether that went well. Should the port be taken, `taken` may return other arguments.
  function listenWatched(server, args, taken, succeeded) {
    const inherited = server.emit;
    const isOwn = Object.prototype.hasOwnProperty.call(server, 'emit');
    function restore() {
      if (server.emit !== watching) return;
      if (isOwn) server.emit = inherited;
      else delete server.emit;
    }
    function watching(event, error) {
      if (event === 'listening' || event === 'close' || event === 'error') restore();
      if (event === 'listening' && succeeded) succeeded();
      const isTaken = event === 'error' && error && error.code === 'EADDRINUSE';
      const otherwise = isTaken ? taken() : undefined;
      if (otherwise === undefined) return inherited.apply(this, arguments);
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

  // The server that was moved, and the arguments with which it asked for its own port.
  let mine;
  let own;
  function adopt(server, args) {
    mine = server;
    own = args;
    return moved(args);
  }

  function isMineTaken(server) {
    if (mine === server) mine = undefined;
    if (obeys || has(plan.remark, 'obeyed')) return own;
    remark('twice');
    return undefined;
  }

  // A program that looks for a free port by itself finds that of a server which was moved free, and asks for it again for
  // its next server. The same port on another address belongs to the first one, though.
  function move(server, args) {
    const isSecond = mine !== undefined && mine !== server && mine.listening;
    if (isSecond) return listenWatched(server, moved(args), () => args);
    return listenWatched(server, adopt(server, args), () => isMineTaken(server), () => claims(requested(args)));
  }

  // Gives the moved server its own port back, at once, so that the reserved one is free for who asks for it. The server
  // notices nothing: another one listens there, and hands over its handle. Connections live on.
  function giveBack() {
    const server = mine;
    const port = requested(own);
    mine = undefined;
    const handle = server._handle;
    const address = handle ? server.address() : null;
    // Not listening yet: it will find the port taken.
    if (address === null || typeof address !== 'object') return;
    const { allowHalfOpen, pauseOnConnect } = server;
    const other = new net.Server({ allowHalfOpen, pauseOnConnect });
    const place = { ...address, port };
    server.address = () => place;
    let isFirst = true;
    other.on('error', () => {
      // Its own port is taken meanwhile.
      if (isFirst) original.call(other, { port: 0, host: address.address });
      isFirst = false;
    });
    other.on('listening', () => {
      const fresh = other._handle;
      delete server.address;
      if (server._handle !== handle) {
        other.close();
        return;
      }
      for (const key of Reflect.ownKeys(fresh)) if (fresh[key] === other) fresh[key] = server;
      server._handle = fresh;
      other._handle = null;
    });
    handle.close();
    original.call(other, { port, host: address.address });
    if (server._unref) other.unref();
  }

  // A program that asks for the reserved port has no other listener that belongs there. One without HTTP may only look
  // whether the port is free.
  let obeys = false;
  function listenByName(server, args) {
    obeys = true;
    if (!speaksHttp(server)) return original.apply(server, args);
    try {
      if (mine !== undefined && mine !== server) giveBack();
    } catch (_) {
      // Then the port is taken, as it is in other programs.
    }
    const isTaken = () => {
      if (has(plan.claim)) remark('blocked');
    };
    return listenWatched(server, args, isTaken, () => remark('obeyed'));
  }

  net.Server.prototype.listen = function listen(...args) {
    const port = requested(args);
    if (port === plan.to) return listenByName(this, args);
    if (obeys) return original.apply(this, args);
    if (isMeant(this, port)) return move(this, args);
    const mayBeTaken = plan.taken && port && !plan.never.includes(port);
    if (!mayBeTaken || !mayServePages(this)) return original.apply(this, args);
    return listenWatched(this, args, () => (claims(port) ? adopt(this, args) : undefined));
  };

  // Bun's own servers, and those of `node:http` under Bun, which stand on them.
  const serve = typeof Bun === 'object' && typeof Bun.serve === 'function' ? Bun.serve : undefined;
  let mineOfBun;

  // Serves, and calls `taken` if the port is taken.
  function serveWatched(options, taken) {
    try {
      return serve.call(Bun, options);
    } catch (error) {
      const isTaken = error && error.code === 'EADDRINUSE';
      const server = isTaken ? taken() : undefined;
      if (server === undefined) throw error;
      return server;
    }
  }

  function serveMoved(options, otherwise) {
    mineOfBun = serveWatched(
      Object.assign(Object.create(Object.getPrototypeOf(options)), options, { port: plan.to }),
      otherwise,
    );
    return mineOfBun;
  }

  function isMeantOfBun(port) {
    if (!plan.ports.includes(port)) return false;
    if (plan.first && port === 0 && mineOfBun !== undefined) return false;
    return !plan.first || claims(port);
  }

  // A port that is not written there is the one that Bun reads in PORT.
  function bunServe(options) {
    const asked = options && !options.unix && !options.fd ? options.port : undefined;
    const port = asked === undefined || asked === null || asked === '' ? undefined : Number(asked);
    if (port === plan.to) {
      obeys = true;
      const isTaken = () => {
        if (has(plan.claim)) remark('blocked');
      };
      const server = serveWatched(options, isTaken);
      remark('obeyed');
      return server;
    }
    if (obeys || port === undefined) return serve.call(Bun, options);
    if (isMeantOfBun(port)) {
      const server = serveMoved(options, () => {
        remark('twice');
        return serve.call(Bun, options);
      });
      claims(port);
      return server;
    }
    if (!plan.taken || !port || plan.never.includes(port)) return serve.call(Bun, options);
    return serveWatched(options, () => (claims(port) ? serveMoved(options, () => undefined) : undefined));
  }

  if (serve !== undefined) {
    try {
      Bun.serve = bunServe;
    } catch (_) {
      // Then its servers are where they want to be.
    }
  }
})();
