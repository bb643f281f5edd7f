import { readFileSync } from 'node:fs';
import type { RemoteFolder } from '../../../shared/blob/remote_folder.ts';
import { isS3Address, s3Address } from '../../../shared/blob/s3_address.ts';
import { openS3Folder } from '../../../shared/blob/s3_folder.ts';
import { openSftp } from '../../../shared/blob/sftp.ts';
import { sftpAddress } from '../../../shared/blob/sftp_address.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { RetrainPolicy } from '../../../shared/policy/schema.ts';

/** A policy that has a target. */
export interface DeliveryPolicy extends Pick<RetrainPolicy, 'delivery_host_keys'> {
  readonly delivery_target: string;
}

/**
 * Opens the folder of `delivery_target`: by SFTP with the key of MINUTEHAND_SFTP_KEY, or in a bucket.
 * @throws MinutehandError KEY_UNUSABLE, DELIVERY_HOST_KEY, DELIVERY_REFUSED, DELIVERY_UNREACHABLE
 */
export async function openDelivery(policy: DeliveryPolicy, env: NodeJS.ProcessEnv): Promise<RemoteFolder> {
  const { delivery_target: target, delivery_host_keys: hostKeys } = policy;
  if (isS3Address(target)) return openS3Folder(s3Address(new URL(target)), env);
  const privateKey = readPrivateKey(env['MINUTEHAND_SFTP_KEY']);
  return await openSftp({ address: sftpAddress(target), hostKeys, privateKey });
}

function readPrivateKey(path: string | undefined): string {
  const next = 'Name the file of a private SSH key without a passphrase: `ssh-keygen -t ed25519 -N "" -f <file>`.';
  if (path === undefined || path === '')
    throw new MinutehandError('KEY_UNUSABLE', { seen: 'MINUTEHAND_SFTP_KEY is not set', next });
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new MinutehandError('KEY_UNUSABLE', { seen: `${path}: ${(cause as Error).message}`, next, cause });
  }
}
