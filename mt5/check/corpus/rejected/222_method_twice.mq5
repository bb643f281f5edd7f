// 222: A method that is defined twice.
class Box { public: int Size() { return 1; } int Size() { return 2; } };
Box g_box;
void OnTick() { Print(g_box.Size()); }
