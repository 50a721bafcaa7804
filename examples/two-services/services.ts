/** Two services to stand behind the gateway: users answers, and orders does until it is told not to. */

import { createServer, type RequestListener, type Server } from 'node:http';

const users: RequestListener = ({ url }, response) => {
  response.end(JSON.stringify({ user: url?.slice(1) }));
};

let isDown = false;
const orders: RequestListener = ({ url, method }, response) => {
  if (method === 'DELETE') isDown = true;
  response.statusCode = isDown ? 503 : 200;
  response.end(JSON.stringify({ order: url?.slice(1) }));
};

/** Opens both; 0 takes any free port. */
export function open(usersPort: number, ordersPort: number): readonly [Server, Server] {
  isDown = false;
  return [
    createServer(users).listen(usersPort, '127.0.0.1'),
    createServer(orders).listen(ordersPort, '127.0.0.1'),
  ];
}

if (import.meta.main) {
  open(3001, 3002);
  console.log('users on http://127.0.0.1:3001, orders on http://127.0.0.1:3002');
}
