import type { Standing } from '../snapshot.ts';
import { type Html, html } from './html.ts';

/** The life ring: the page's mark. */
export const LOGO = html`<svg class="logo" viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" focusable="false">
<circle cx="16" cy="16" r="11" fill="none" stroke="#fff" stroke-width="8"/>
<circle cx="16" cy="16" r="11" fill="none" stroke="#e8590c" stroke-width="8" stroke-dasharray="8.64 8.64" stroke-dashoffset="4.32"/>
<circle cx="16" cy="16" r="15.25" fill="none" stroke="#0b2a41" stroke-opacity=".35" stroke-width="1"/>
<circle cx="16" cy="16" r="6.75" fill="none" stroke="#0b2a41" stroke-opacity=".35" stroke-width="1"/>
</svg>`;

/** The same as an address, for the tab. */
export const FAVICON = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="11" fill="none" stroke="#fff" stroke-width="8"/><circle cx="16" cy="16" r="11" fill="none" stroke="#e8590c" stroke-width="8" stroke-dasharray="8.64 8.64" stroke-dashoffset="4.32"/></svg>',
)}`;

const SHAPES: Record<'good' | 'warn' | 'bad' | 'unknown', Html> = {
  good: html`<path d="M6.5 12.5l3.5 3.5 7.5-8" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round" stroke-linejoin="round"/>`,
  warn: html`<path d="M12 6.5v7" fill="none" stroke="currentColor" stroke-width="2.6" stroke-linecap="round"/><circle cx="12" cy="17.2" r="1.5" fill="currentColor"/>`,
  bad: html`<path d="M8 8l8 8M16 8l-8 8" fill="none" stroke="currentColor" stroke-width="2.4" stroke-linecap="round"/>`,
  unknown: html`<path d="M9 9.2a3 3 0 1 1 4.6 2.6c-1 .6-1.6 1.2-1.6 2.3" fill="none" stroke="currentColor" stroke-width="2.2" stroke-linecap="round"/><circle cx="12" cy="17.3" r="1.4" fill="currentColor"/>`,
};

/** How a standing looks: its colour and its shape say the same. */
export const TONES: Record<Standing, 'good' | 'warn' | 'bad' | 'unknown'> = {
  good: 'good',
  stale: 'bad',
  none: 'bad',
  'drill-failed': 'warn',
  unknown: 'unknown',
};

export const toneIcon = (tone: keyof typeof SHAPES): Html =>
  html`<svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false"><circle cx="12" cy="12" r="11" fill="currentColor" fill-opacity=".14"/>${SHAPES[tone]}</svg>`;
