// 232: A class derived from a type that is not a class.
class Box : public Nothing { public: Box() { Print("x"); } };
void OnTick() { Print("x"); }
