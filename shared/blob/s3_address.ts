/** A place in a bucket of S3, or of a server that speaks its protocol. */
export interface S3Address {
  readonly bucket: string;
  /** Words of the prefix of every key; empty: none. */
  readonly prefix: readonly string[];
  readonly region: string;
  /** null: that of Amazon. */
  readonly endpoint: string | null;
}

const REGION = 'us-east-1';

/** `s3://bucket/prefix?region=eu-central-1&endpoint=https://…`; all but the bucket may be absent. */
export const S3_ADDRESS =
  /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](?:\/[A-Za-z0-9!_.*'()-]+)*\/?(?:\?(?:region=[a-z0-9-]+|endpoint=https?:\/\/[^\s&]+)(?:&(?:region=[a-z0-9-]+|endpoint=https?:\/\/[^\s&]+))?)?$/;

export const isS3Address = (text: string): boolean => text.startsWith('s3://');

/** @param url of the scheme `s3:` */
export function s3Address(url: URL): S3Address {
  return {
    bucket: url.hostname,
    prefix: url.pathname.split('/').filter((word) => word !== ''),
    region: url.searchParams.get('region') ?? REGION,
    endpoint: url.searchParams.get('endpoint'),
  };
}
