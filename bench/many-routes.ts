/** Rules of many routes, as text. Two statuses make two files that differ in one route. */
export function manyRoutes(count: number, status: number): string {
  const routes = Array.from(
    { length: count },
    (_, index) => `  - name: route-${index}
    path: /service-${index}/items/:id
    methods: [GET, HEAD]
    match: { headers: { x-tenant: "t${index % 50}" } }
    timeout: 3s
    retries: { max: 2, retry_on: [connect, 503] }
    to: web
`,
  );
  return `services: { web: "http://127.0.0.1:3000" }\nroutes:\n${routes.join('')}  - { name: rest, path: /**, respond: { status: ${status} } }\n`;
}
