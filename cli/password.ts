/** `redis://user:secret@host` as `redis://***@host`, in any text. */
export function maskPasswords(text: string): string {
  return text.replace(/(\w+:\/\/)[^\s"]*@/g, '$1***@');
}
