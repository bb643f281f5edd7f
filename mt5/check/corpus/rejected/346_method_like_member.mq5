// 346: A method with the name of a member.
class Box { private: int Size; public: Box() { Print("x"); } int Size() { return 1; } };
void OnTick() { Print("x"); }
