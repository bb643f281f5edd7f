import { AwsV4Signer } from 'aws4fetch';
import { sha256Hex } from '../sha256.ts';
import type { AwsCredentials } from './aws_credentials.ts';

/** A request that is to be signed. */
export interface S3Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE';
  readonly url: string;
  /** Conditions and the like. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
}

/**
 * Headers of a request, with its signature of version 4
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).
 */
export async function signedHeaders(
  { method, url, headers = {}, body }: S3Request,
  { accessKeyId, secretAccessKey, sessionToken }: AwsCredentials,
  region: string,
  time: Date,
): Promise<Headers> {
  const signer = new AwsV4Signer({
    method,
    url,
    headers: { ...headers, 'X-Amz-Content-Sha256': sha256Hex(body ?? '') },
    accessKeyId,
    secretAccessKey,
    ...(sessionToken !== undefined && { sessionToken }),
    service: 's3',
    region,
    datetime: time.toISOString().replace(/[:-]|\.\d{3}/g, ''),
  });
  const signed = await signer.sign();
  return signed.headers;
}
