declare module 'adm-zip' {
  interface Entry {
    readonly entryName: string;
    readonly isDirectory: boolean;
    readonly header: { readonly size: number; readonly compressedSize: number };
    getData(): Buffer;
  }
  export default class AdmZip {
    constructor(path: string);
    getEntries(): Entry[];
  }
}
