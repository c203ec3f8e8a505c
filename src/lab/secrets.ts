/**
 * Variables that open doors. A lab stands on a projector: their values are shown only to who asks for one of them.
 */
export const isSecret = (name: string): boolean =>
  /^HTTP_(PROXY_)?AUTHORIZATION$|COOKIE|PROXY|TOKEN|SECRET|PASSWORD|PASSWD|KEY/i.test(name);
