// Lossless conversions, casts, constants that fit, bits.
void OnTick()
  {
   uchar small = 255;
   ushort unit = 'a';
   uint bits = 0xEDB88320;
   long wide = 0x7FFFFFFFFFFFFFFF;
   int least = -2147483648;
   double part = 1;
   float third = 0.5f;
   int whole = (int)MathRound(part * 2.5);
   bits = (bits & 1) != 0 ? (bits >> 1) ^ bits : bits >> 1;
   ulong tick = GetTickCount64();
   long since = (long)tick - wide % 1000;
   uint positive = 5;
   int letter = small + unit;
   datetime later = (datetime)(TimeGMT() + 60);
   datetime day = D'2026.01.31';
   color red = C'255,0,0';
   if(positive > 3 && tick > 0 && (whole > 1 || least < 0))
      Print(third, since, letter, later, day, red, (double)wide);
   part /= 2;
   whole <<= 2;
   small ^= 1;
   Print(part, whole, small, int(2.5), MathMax(1, 2.5), MathAbs(-3));
  }
