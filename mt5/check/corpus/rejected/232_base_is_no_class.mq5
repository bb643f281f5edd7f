// 232: A class derived from what is none.
class Box : public Nothing { public: Box() { Print("x"); } };
void OnTick() { Print("x"); }
