/**
 * Elements, made by functions. Text is only ever text here: the page never parses HTML, and its policy (lab.ts) does not let it.
 */
export type Child = Node | string | number | undefined | false;
type Value = string | number | boolean | undefined | ((event: never) => void);
export type Attributes = Readonly<Record<string, Value>>;

export const h = <Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] => fill(document.createElement(name), attributes, children);

export const svg = <Name extends keyof SVGElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: Child[]
): SVGElementTagNameMap[Name] => fill(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, children);

/** Puts these in the place of whatever is in it. */
export const put = (parent: Element, ...children: Child[]): void => parent.replaceChildren(...shown(children));

const fill = <E extends Element>(element: E, attributes: Attributes, children: readonly Child[]): E => {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value as unknown as EventListener);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== undefined && value !== false) element.setAttribute(name, String(value));
  }
  element.append(...shown(children));
  return element;
};

const shown = (children: readonly Child[]): (Node | string)[] =>
  children.filter((child) => child !== undefined && child !== false).map((child) => (typeof child === 'number' ? String(child) : child));
