// 347: A member with the name of a method.
class Box { public: int Size() { return 1; } int Size; };
void OnTick() { Print("x"); }
