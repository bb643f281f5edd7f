// 199: SocketRead without its time limit.
void OnTick() { uchar bytes[]; int got = SocketRead(1, bytes, 10); Print(got); }
