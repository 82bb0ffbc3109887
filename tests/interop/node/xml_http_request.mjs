// As much of a browser's XMLHttpRequest as grpc-web needs, over node:http: what has come so far
// can be read as text while more comes.
import http from 'node:http';

export class XMLHttpRequest {
  readyState = 0;
  status = 0;
  statusText = '';
  responseText = '';
  responseType = '';
  #fields = {};
  #request = null;
  #response = null;

  open(method, url) {
    this.#request = http.request(url, { method, agent: false });
    this.#move(1);
  }

  setRequestHeader(name, value) {
    this.#request.setHeader(name, value);
  }

  send(body) {
    this.#request.on('response', (response) => {
      this.#response = response;
      this.status = response.statusCode;
      this.statusText = response.statusMessage;
      this.#fields = response.headers;
      this.#move(2);
      response.setEncoding('latin1');
      response.on('data', (text) => {
        this.responseText += text;
        this.#move(3);
      });
      response.on('end', () => this.#move(4));
    });
    this.#request.on('error', () => this.readyState < 4 && this.#move(4));
    this.#request.end(body);
  }

  abort() {
    this.#request.destroy();
  }

  getResponseHeader(name) {
    return this.#fields[name.toLowerCase()] ?? null;
  }

  getAllResponseHeaders() {
    return Object.entries(this.#fields)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('');
  }

  #move(state) {
    this.readyState = state;
    this.onreadystatechange?.();
  }
}
