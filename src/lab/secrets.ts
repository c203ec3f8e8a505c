/**
 * Variables that open doors. A lab stands on a projector: their values are shown only to who asks for one of them.
 */
export const isSecret = (name: string): boolean =>
  /^HTTP_(PROXY_)?AUTHORIZATION$|COOKIE|PROXY|TOKEN|SECRET|PASSWORD|PASSWD|KEY/i.test(name);

/** The same of a header field, by the variable it would be: `Set-Cookie`. */
export const isSecretField = (name: string): boolean => isSecret(`HTTP_${name.replace(/[^a-z0-9]/gi, '_')}`);
