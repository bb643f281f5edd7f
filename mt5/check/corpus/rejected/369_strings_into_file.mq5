// 369: An array of strings into a binary file.
void OnTick() { string lines[2]; lines[0] = "x"; Print(FileWriteArray(1, lines)); }
