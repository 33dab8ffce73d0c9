"Everything at once, fastai style: `from v2v_diffusion.all import *`"
