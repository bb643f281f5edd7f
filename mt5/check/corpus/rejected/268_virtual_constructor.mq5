// 268: A virtual constructor.
class Box { public: virtual Box() { Print("x"); } };
void OnTick() { Print("x"); }
