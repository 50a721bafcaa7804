/** The service behind the gateway. */

export default {
  fetch({ url }: Request): Response {
    return Response.json({ user: new URL(url).pathname.split('/').at(-1) });
  },
};
