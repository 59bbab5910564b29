import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common';

/** What operators filter executions by; the worker registers those that are missing. No secrets, no personal data. */
export const SEARCH_ATTRIBUTES = {
  service: defineSearchAttributeKey('LifeboatService', SearchAttributeType.KEYWORD_LIST),
  set: defineSearchAttributeKey('LifeboatSet', SearchAttributeType.KEYWORD),
  phase: defineSearchAttributeKey('LifeboatPhase', SearchAttributeType.KEYWORD),
  repository: defineSearchAttributeKey('LifeboatRepository', SearchAttributeType.KEYWORD_LIST),
  bytes: defineSearchAttributeKey('LifeboatBytes', SearchAttributeType.INT),
  offlineSeconds: defineSearchAttributeKey('LifeboatOfflineSeconds', SearchAttributeType.DOUBLE),
} as const;
