import { MinutehandError, type ErrorCode } from '../../../shared/errors.ts';
import type { SignalsPolicy } from '../../../shared/policy/schema.ts';
import type { ArchivePlace } from './archive_place.ts';

/** The used part of @aws-sdk/client-s3, which is loaded only for bucket archives. */
interface Sdk {
  readonly S3Client: new (options: Readonly<Record<string, unknown>>) => {
    send(command: object, options: { abortSignal: AbortSignal }): Promise<StoreResponse>;
    destroy(): void;
  };
  readonly GetObjectCommand: new (input: ObjectName) => object;
  readonly PutObjectCommand: new (
    input: ObjectName & { readonly Body: Uint8Array; readonly ContentType: string },
  ) => object;
}

interface ObjectName {
  readonly Bucket: string;
  readonly Key: string;
}

interface StoreResponse {
  readonly Body?: { transformToByteArray(): Promise<Uint8Array> };
}

interface SdkError {
  readonly name?: string;
  readonly message?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number };
}

type Policy = Pick<SignalsPolicy, 'archive_target' | 'archive_path' | 'archive_region' | 'archive_endpoint'>;

/** Maximum time of a call, including the SDK's retries. */
const TIMEOUT_MS = 300_000;
const CONNECT_MS = 10_000;
/** SDK attempts after responses such as 503 SlowDown. */
const ATTEMPTS = 3;

/**
 * An archive in a bucket of S3, Wasabi, B2 or another S3-compatible server. Credentials: AWS_ACCESS_KEY_ID and
 * AWS_SECRET_ACCESS_KEY, or any other source supported by the AWS SDK (profiles, roles).
 */
export async function openBucket(policy: Policy, env: NodeJS.ProcessEnv): Promise<ArchivePlace> {
  const sdk = await loadSdk();
  const { archive_target: target, archive_path: path, archive_region: region } = policy;
  const [bucket, ...prefix] = path.split('/').filter((word) => word !== '') as [string, ...string[]];
  const endpoint = endpointOf(policy);
  const {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = env;
  const client = new sdk.S3Client({
    region,
    maxAttempts: ATTEMPTS,
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: TIMEOUT_MS },
    // Other vendors do not support the checksums added to S3 in 2024; instead, data is read back after writing and
    // hashed here.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    ...(endpoint === null ? {} : { endpoint, forcePathStyle: true }),
    ...(accessKeyId && secretAccessKey ? { credentials: { accessKeyId, secretAccessKey, sessionToken } } : {}),
  });

  async function attempt<Result>(
    key: string,
    work: (abortSignal: AbortSignal) => Promise<Result>,
  ): Promise<Result | null> {
    try {
      return await work(AbortSignal.timeout(TIMEOUT_MS));
    } catch (cause) {
      const error = cause as SdkError;
      if (error.name === 'NoSuchKey') return null;
      const status = error.$metadata?.httpStatusCode;
      const words = [error.name ?? 'Error', error.code, status, error.message].filter((word) => word !== undefined);
      throw new MinutehandError(codeOf(error), { seen: `${target} ${bucket}/${key}: ${words.join(', ')}`, cause });
    }
  }
  const nameOf = (name: string): ObjectName => ({ Bucket: bucket, Key: [...prefix, name].join('/') });

  return {
    id: `${target}:${[bucket, ...prefix].join('/')}${policy.archive_endpoint === null ? '' : `@${policy.archive_endpoint}`}`,
    read(name) {
      const object = nameOf(name);
      return attempt(object.Key, async (abortSignal) => {
        const { Body } = await client.send(new sdk.GetObjectCommand(object), { abortSignal });
        return Buffer.from(await Body!.transformToByteArray());
      });
    },
    async write(name, bytes) {
      const object = nameOf(name);
      const ContentType = name.endsWith('.json') ? 'application/json' : 'application/gzip';
      await attempt(object.Key, (abortSignal) =>
        client.send(new sdk.PutObjectCommand({ ...object, Body: bytes, ContentType }), { abortSignal }),
      );
    },
    close: () => client.destroy(),
  };
}

/**
 * Wasabi: https://docs.wasabi.com/docs/what-are-the-service-urls-for-wasabi-s-different-storage-regions; B2:
 * https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api. null: that of S3.
 */
export function endpointOf({ archive_target, archive_region, archive_endpoint }: Policy): string | null {
  if (archive_endpoint !== null) return archive_endpoint;
  if (archive_target === 'WASABI') return `https://s3.${archive_region}.wasabisys.com`;
  return archive_target === 'B2' ? `https://s3.${archive_region}.backblazeb2.com` : null;
}

async function loadSdk(): Promise<Sdk> {
  // A variable name keeps tsc from loading the package's thousands of types; `Sdk` declares the used ones.
  const name: string = '@aws-sdk/client-s3';
  return (await import(name)) as Sdk;
}

const REFUSALS = [
  'NoSuchBucket',
  'AccessDenied',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'CredentialsProviderError',
];

function codeOf({ name = '', $metadata }: SdkError): ErrorCode {
  const status = $metadata?.httpStatusCode ?? 0;
  if (REFUSALS.includes(name)) return 'ARCHIVE_REFUSED';
  // Response of Backblaze and others when the bucket's limit of space or cost is reached.
  if (/Quota|CapExceeded|StorageFull/i.test(name) || status === 507) return 'ARCHIVE_FULL';
  return status >= 300 && status < 500 && status !== 408 && status !== 429 ? 'ARCHIVE_REFUSED' : 'ARCHIVE_UNREACHABLE';
}
