// 369: A structure with a string into a file.
struct Line { string text; };
void OnTick() { Line line; line.text = "x"; Print(FileWriteStruct(1, line)); }
