import type { HomePaths } from '../../../shared/home.ts';

/** Where the home of an installation is, with its configuration beside it. */
export interface Place {
  readonly config: string;
  readonly paths: HomePaths;
}
