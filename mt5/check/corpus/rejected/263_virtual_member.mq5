// 263: virtual of a member.
class Box { public: virtual int size; };
void OnTick() { Print("x"); }
