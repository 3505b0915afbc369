"""Deep spiking networks of images and events: convolutions over time, tdBN, map neurons with windows, their losses."""
