// 328: An array of objects without a default constructor.
class Box { private: int m_size; public: Box(int size) { m_size = size; } };
Box g_boxes[3];
void OnTick() { Print("x"); }
