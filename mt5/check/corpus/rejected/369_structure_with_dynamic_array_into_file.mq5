// 369: A structure with a dynamic array into a file.
struct Line { int sizes[]; };
void OnTick() { Line line; ArrayResize(line.sizes, 1); Print(FileWriteStruct(1, line)); }
